/**
 * Settings of the organisation, a domain and a project: narrower ones win, maps are merged. Kept are those that have an effect here; others are
 * refused, because a setting that is stored and does nothing is worse than none.
 */
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import {
  type Settings,
  type SettingsKey as ProtoKey,
  SettingsSchema,
  SettingState,
} from "@homeplane/idl/flyteidl2/settings/settings_definition";
import type { SettingsService } from "@homeplane/idl/flyteidl2/settings/settings_service";
import type { Context } from "../context.ts";
import type { SettingsKey, SettingsRow } from "../store/port.ts";
import { invalid } from "./identifiers.ts";
import { requireDomain, requireProject } from "./require-project.ts";

/** With an effect: what they hold becomes part of each run. */
export const mapSettings = ["labels", "environmentVariables"] as const;
export type SettingMaps = Record<(typeof mapSettings)[number], Record<string, string>>;

const maxEntries = 100;
const maxEntryLength = 4_096;

export function settingsService(ctx: Context): ServiceImpl<typeof SettingsService> {
  const check = async (key: ProtoKey | undefined): Promise<SettingsKey> => {
    if (key === undefined) throw invalid("key", "is required");
    const { domain, project } = key;
    if (project !== "" && domain === "") throw invalid("key.domain", "is required with a project");
    if (project !== "") await requireProject(ctx, project, domain);
    else if (domain !== "") requireDomain(ctx, domain);
    return { domain, project };
  };
  const record = ({ domain, project, version, settings }: SettingsRow) => ({
    key: { org: ctx.config.org, domain, project },
    settings,
    version: BigInt(version),
  });
  const put = async (key: ProtoKey | undefined, settings: Settings | undefined, version: number) => {
    const at = await check(key);
    if (settings === undefined) throw invalid("settings", "is required");
    checkSettings(settings);
    const row = await ctx.store.settings.put(at, settings, version);
    if (row !== undefined) return { settingsRecord: record(row) };
    const now = (await ctx.store.settings.get(at))?.version ?? 0;
    throw new ConnectError(
      `the settings were changed in between (version ${now}, not ${version}): read them again`,
      version === 0 ? Code.AlreadyExists : Code.FailedPrecondition,
    );
  };
  return {
    async getSettings({ key }) {
      const at = await check(key);
      const maps = await effectiveSettings(ctx, at);
      const setting = (entries: Record<string, string>) => ({ state: SettingState.VALUE, mapValue: { entries } });
      const settings = create(
        SettingsSchema,
        Object.fromEntries(
          mapSettings.filter((name) => Object.keys(maps[name]).length > 0).map((name) => [name, setting(maps[name])]),
        ),
      );
      const version = (await ctx.store.settings.get(at))?.version ?? 0;
      return { settingsRecord: record({ ...at, version, settings }) };
    },
    async getSettingsForEdit({ key }) {
      const at = await check(key);
      const levels = await levelsOf(ctx, at);
      return { requestedKey: { org: ctx.config.org, ...at }, levels: levels.map(record) };
    },
    createSettings: ({ key, settings }) => put(key, settings, 0),
    updateSettings: ({ key, settings, version }) => put(key, settings, Number(version)),
  };
}

/** From the broadest to the narrowest, those that there are. */
async function levelsOf(ctx: Context, { domain, project }: SettingsKey): Promise<SettingsRow[]> {
  const keys = [{ domain: "", project: "" }];
  if (domain !== "") keys.push({ domain, project: "" });
  if (project !== "") keys.push({ domain, project });
  const found = await Promise.all(keys.map((key) => ctx.store.settings.get(key)));
  return found.filter((row) => row !== undefined);
}

export async function effectiveSettings(ctx: Context, key: SettingsKey): Promise<SettingMaps> {
  const maps: SettingMaps = { labels: {}, environmentVariables: {} };
  for (const { settings } of await levelsOf(ctx, key)) {
    for (const name of mapSettings) {
      const setting = settings[name];
      if (setting?.state === SettingState.UNSET) maps[name] = {};
      if (setting?.state === SettingState.VALUE) maps[name] = { ...maps[name], ...setting.mapValue?.entries };
    }
  }
  return maps;
}

function checkSettings(settings: Settings): void {
  const refused = settingsThatAreSet(settings).filter((name) => !(mapSettings as readonly string[]).includes(name));
  if (refused.length > 0) {
    const names = refused.map(snake).join(", ");
    throw invalid(
      `settings.${snake(refused[0] ?? "")}`,
      `this server would not heed ${names}; it keeps ${mapSettings.map(snake).join(", ")}`,
    );
  }
  for (const name of mapSettings) {
    const entries = Object.entries(settings[name]?.mapValue?.entries ?? {});
    const field = `settings.${snake(name)}`;
    if (entries.length > maxEntries) throw invalid(field, `has ${entries.length} entries, the limit is ${maxEntries}`);
    for (const [key, value] of entries) {
      if (key === "" || key.length + value.length > maxEntryLength)
        throw invalid(`${field}[${key.slice(0, 40)}]`, `must have a name, and at most ${maxEntryLength} characters`);
      if (name === "environmentVariables" && !/^[A-Za-z_][A-Za-z0-9_]*$/.test(key))
        throw invalid(`${field}[${key}]`, "is no name of an environment variable");
    }
  }
}

/** Names of the top-level settings that say anything. */
function settingsThatAreSet(settings: Settings): string[] {
  const says = (value: unknown): boolean => {
    if (typeof value !== "object" || value === null) return false;
    if ("state" in value) return value.state !== SettingState.INHERIT;
    return Object.values(value).some(says);
  };
  return Object.entries(settings).flatMap(([name, value]) => (says(value) ? [name] : []));
}

const snake = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
