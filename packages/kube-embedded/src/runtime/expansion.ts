/**
 * `$(VAR)` as Kubernetes expands it in `command`, `args` and env values (k8s.io/kubernetes/third_party/forked/golang/expansion):
 * an unknown name stays as written, `$$` is one `$`, a `$` before anything else is itself.
 */
export function expand(text: string, lookup: (name: string) => string | undefined): string {
  let out = "";
  let from = 0;
  for (;;) {
    const dollar = text.indexOf("$", from);
    if (dollar < 0 || dollar === text.length - 1) return out + text.slice(from);
    out += text.slice(from, dollar);
    const next = text[dollar + 1];
    const close = next === "(" ? text.indexOf(")", dollar + 2) : -1;
    if (next === "$") {
      out += "$";
      from = dollar + 2;
    } else if (close >= 0) {
      out += lookup(text.slice(dollar + 2, close)) ?? text.slice(dollar, close + 1);
      from = close + 1;
    } else if (next === "(") {
      // Never closed: the parenthesis is text, and what follows it may hold references of its own.
      out += "$(";
      from = dollar + 2;
    } else {
      out += `$${next}`;
      from = dollar + 2;
    }
  }
}
