import { HomeplaneError } from "@homeplane/runtime-kit";

/** A value of a kubeconfig that knows its path, so that every complaint names the field. */
export class Field {
  readonly path: string;
  readonly file: string;
  readonly #value: unknown;

  constructor(value: unknown, path: string, file: string) {
    this.#value = value;
    this.path = path;
    this.file = file;
  }

  at(name: string): Field {
    const path = this.path === "" ? name : `${this.path}.${name}`;
    if (this.absent()) return new Field(undefined, path, this.file);
    if (typeof this.#value !== "object" || Array.isArray(this.#value)) throw brokenField(this, "must be an object");
    return new Field((this.#value as Record<string, unknown>)[name], path, this.file);
  }

  /** The inner object of the entry called `name` of a list such as `clusters`. */
  named(list: string, name: string, inner: string): Field {
    const all = this.at(list);
    const found = all.list().find((entry) => entry.at("name").text() === name);
    if (found === undefined) throw brokenField(all, `has no entry named ${JSON.stringify(name)}`);
    return found.at(inner);
  }

  absent(): boolean {
    return this.#value === undefined || this.#value === null;
  }

  /** Undefined when absent or empty. */
  text(): string | undefined {
    if (this.absent() || this.#value === "") return undefined;
    if (typeof this.#value !== "string") throw brokenField(this, "must be a string");
    return this.#value;
  }

  required(): string {
    const text = this.text();
    if (text === undefined) throw brokenField(this, "is missing");
    return text;
  }

  flag(): boolean {
    if (this.absent()) return false;
    if (typeof this.#value !== "boolean") throw brokenField(this, "must be true or false");
    return this.#value;
  }

  list(): Field[] {
    if (this.absent()) return [];
    if (!Array.isArray(this.#value)) throw brokenField(this, "must be a list");
    return this.#value.map((value: unknown, i) => new Field(value, `${this.path}[${i}]`, this.file));
  }
}

/** Names the field, never its value: it may be a secret. */
export function brokenField(field: Field, what: string, cause?: unknown): HomeplaneError {
  return new HomeplaneError(
    "kube.kubeconfig_invalid",
    `the kubeconfig ${field.file} is broken: ${field.path === "" ? "the document" : field.path} ${what}`,
    `Correct ${field.path === "" ? "the file" : field.path}, or name another kubeconfig.`,
    { cause },
  );
}
