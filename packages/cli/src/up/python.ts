import { execFile } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { HomeplaneError } from "@homeplane/runtime-kit";
import { isCheckout, toolsFolder } from "../tools-folder.js";

export interface PythonEnvironment {
  readonly python: string;
  readonly flyteVersion: string;
}

/** Made by what starts the command line: the launcher in a checkout, bin/homeplane.mjs in the package. */
const defaultPython = join(toolsFolder, "python/bin/python");
const howToMakeIt = isCheckout ? "run `npm start` once in the checkout" : "start with `npx homeplane up`";

const probe = "import importlib.metadata, sys; sys.stdout.write(importlib.metadata.version('flyte'))";

/** The one Python environment in which tasks run. Fails with NoPython or NoSdk. */
export async function findPython(chosen: string | undefined): Promise<PythonEnvironment> {
  const python = chosen ?? defaultPython;
  try {
    await access(python, constants.X_OK);
  } catch (error) {
    const next = `${howToMakeIt}, which makes one, or name an interpreter with --python`;
    throw new HomeplaneError("NoPython", `there is no Python interpreter at ${python}`, next, { cause: error });
  }
  try {
    const { stdout } = await promisify(execFile)(python, ["-I", "-c", probe], { timeout: 20_000 });
    return { python, flyteVersion: stdout.trim() };
  } catch (error) {
    const next = `install it there: ${python} -m pip install flyte`;
    throw new HomeplaneError("NoSdk", `the Python environment of ${python} has no package "flyte"`, next, {
      cause: error,
    });
  }
}
