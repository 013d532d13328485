import type { DatabaseSync } from "node:sqlite";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { SettingsSchema } from "@homeplane/idl/flyteidl2/settings/settings_definition";
import type { SettingsStore } from "./port.ts";
import { transaction } from "./transaction.ts";

export function sqliteSettings(db: DatabaseSync): SettingsStore {
  const get = db.prepare("SELECT version, settings FROM settings WHERE domain = ? AND project = ?");
  const save = db.prepare("INSERT OR REPLACE INTO settings (domain, project, version, settings) VALUES (?, ?, ?, ?)");
  const read = (domain: string, project: string) =>
    get.get(domain, project) as { version: number; settings: Uint8Array } | undefined;
  return {
    get: async ({ domain, project }) => {
      const row = read(domain, project);
      if (row === undefined) return undefined;
      return { domain, project, version: row.version, settings: fromBinary(SettingsSchema, row.settings) };
    },
    put: async ({ domain, project }, settings, version) =>
      transaction(db, () => {
        if ((read(domain, project)?.version ?? 0) !== version) return undefined;
        save.run(domain, project, version + 1, toBinary(SettingsSchema, settings));
        return { domain, project, settings, version: version + 1 };
      }),
  };
}
