/** Unpacks a tar archive below a folder. No entry leads out of it: neither by its name nor through a link that another one made. */
import { createWriteStream } from "node:fs";
import { link, mkdir, rm, symlink } from "node:fs/promises";
import { dirname, join, posix } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ArchiveError, type TarEntry, tarEntries } from "./tar.ts";

/** The task's container may run as another user of the pod's group. */
const folderMode = 0o775;
const forGroup = 0o660;

export async function unpack(source: AsyncIterable<Uint8Array>, folder: string): Promise<void> {
  const links = new Set<string>();
  const made = new Set<string>();
  for await (const entry of tarEntries(source)) {
    const name = inside(entry.name, links);
    if (name === ".") continue;
    const path = join(folder, name);
    const parent = dirname(path);
    if (!made.has(parent)) await mkdir(parent, { recursive: true, mode: folderMode });
    made.add(parent);
    await place(entry, path, folder, links);
    const isLink = entry.kind === "symlink" || (entry.kind === "link" && links.has(inside(entry.linkName, links)));
    if (isLink) links.add(name);
  }
}

async function place(entry: TarEntry, path: string, folder: string, links: ReadonlySet<string>): Promise<void> {
  switch (entry.kind) {
    case "file":
      await rm(path, { force: true });
      return pipeline(
        Readable.from(entry.body),
        createWriteStream(path, { flags: "wx", mode: (entry.mode & 0o777) | forGroup }),
      );
    case "directory":
      await mkdir(path, { recursive: true, mode: folderMode });
      return;
    case "symlink":
      await rm(path, { force: true });
      return symlink(entry.linkName, path);
    case "link":
      await rm(path, { force: true });
      return link(join(folder, inside(entry.linkName, links)), path);
    case "other":
      throw new ArchiveError(`the archive's entry "${entry.name}" is neither file, folder nor link`);
    default:
      return entry.kind satisfies never;
  }
}

function inside(name: string, links: ReadonlySet<string>): string {
  const clean = posix.normalize(name).replace(/\/$/, "");
  if (posix.isAbsolute(clean) || clean === ".." || clean.startsWith("../"))
    throw new ArchiveError(`the archive's entry "${name}" leads out of the folder`);
  const parts = clean.split("/");
  for (let count = 1; count < parts.length; count++)
    if (links.has(parts.slice(0, count).join("/")))
      throw new ArchiveError(`the archive's entry "${name}" leads through a symbolic link`);
  return clean;
}
