import { openSqliteStore } from "@homeplane/control-plane";
import { HomeplaneError, messageOf } from "@homeplane/runtime-kit";

/** The control plane's database. Nothing of one that can not be used is touched. */
export function openDatabase(
  path: string,
  options?: Parameters<typeof openSqliteStore>[1],
): ReturnType<typeof openSqliteStore> {
  try {
    return openSqliteStore(path, options);
  } catch (error) {
    if (error instanceof HomeplaneError) throw error;
    const next =
      "use the version of homeplane that wrote it, put back a copy, or choose another --data-dir; `homeplane reset` gives all in it up";
    throw new HomeplaneError("DatabaseUnusable", `the database ${path} can not be used: ${messageOf(error)}`, next, {
      cause: error,
    });
  }
}
