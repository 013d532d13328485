import * as fc from "fast-check";
import { expect, test } from "vitest";
import { labelValue, namespaceOf, podName, taskActionName } from "./names.ts";

const label = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** Short names of few characters come close to each other; long and strange ones come close to the limits. */
const name = fc.oneof(
  fc.string({ unit: fc.constantFrom("a", "b", "-", "1"), minLength: 1, maxLength: 4 }),
  fc.string({ unit: fc.constantFrom("a", "A", "-", "_", ".", "é", "/"), minLength: 1, maxLength: 8 }),
  fc.string({ unit: fc.constantFrom("a", "-"), minLength: 25, maxLength: 70 }),
  fc.constantFrom("kube", "kube-system", "default", "union", "KUBE", "-", "x"),
);
const pair = fc.tuple(name, name);

/** `many` distinct pairs never meet in one name. */
function expectDistinct(nameOf: (pair: [string, string]) => string): void {
  const pairs = fc.uniqueArray(pair, { minLength: 2, maxLength: 60, selector: ([a, b]) => JSON.stringify([a, b]) });
  fc.assert(
    fc.property(pairs, (many) => {
      expect(new Set(many.map(nameOf)).size).toBe(many.length);
    }),
  );
}

test("two projects' domains never share a namespace", () => {
  expectDistinct(([project, domain]) => namespaceOf(project, domain));
  // Where the plain join would be the same.
  expect(namespaceOf("a-b", "c")).not.toBe(namespaceOf("a", "b-c"));
  expect(namespaceOf("Shop", "dev")).not.toBe(namespaceOf("shop", "dev"));
});

test("a namespace is a DNS label, and never one of Kubernetes' or ours", () => {
  fc.assert(
    fc.property(pair, ([project, domain]) => {
      const namespace = namespaceOf(project, domain);
      expect(namespace).toMatch(label);
      expect(namespace).not.toMatch(/^(default|union|kube-.*)$/);
    }),
  );
  expect(namespaceOf("kube", "system")).toMatch(/^p-kube-system-[0-9a-f]{8}$/);
});

test("an ordinary project's domain has the plain name that people expect", () => {
  expect(namespaceOf("flytesnacks", "development")).toBe("flytesnacks-development");
  expect(namespaceOf("my-team", "staging")).toBe("my-team-staging");
});

test("two actions never share a resource's name, and it is one that Kubernetes takes", () => {
  expectDistinct(([run, action]) => taskActionName(run, action));
  expect(taskActionName("r-a", "b")).not.toBe(taskActionName("r", "a-b"));
  fc.assert(
    fc.property(pair, ([run, action]) => {
      const found = taskActionName(run, action);
      expect(found).toMatch(subdomain);
      expect(found.length).toBeLessThanOrEqual(253);
    }),
  );
  expect(taskActionName("rabc", "a0")).toBe("rabc-a0");
});

test("a pod's name tells uid, attempt and incarnation apart, is a DNS label and fits into a host name", () => {
  const count = fc.oneof(fc.integer({ min: 0, max: 120 }), fc.constant(2 ** 32 - 1));
  const pod = fc.tuple(name, name, fc.uuid(), count, fc.integer({ min: 0, max: 999 }));
  const pods = fc.uniqueArray(pod, { minLength: 2, maxLength: 40, selector: ([, , uid, a, i]) => `${uid} ${a} ${i}` });
  fc.assert(
    fc.property(pods, (many) => {
      const names = many.map(([run, action, uid, attempt, incarnation]) =>
        podName({ name: taskActionName(run, action), uid }, attempt, incarnation),
      );
      expect(new Set(names).size).toBe(many.length);
      for (const found of names) {
        expect(found).toMatch(label);
        expect(found.length).toBeLessThanOrEqual(63);
      }
    }),
  );
  const uid = "6f1c";
  expect(podName({ name: "r-a0", uid }, 1, 12)).not.toBe(podName({ name: "r-a0", uid }, 11, 2));
});

test("a label's value is one that Kubernetes takes, and the name itself where it can be", () => {
  fc.assert(
    fc.property(fc.oneof(name, fc.string({ maxLength: 100 })), (text) => {
      expect(labelValue(text)).toMatch(/^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/);
    }),
  );
  expect(labelValue("env.Task_1")).toBe("env.Task_1");
  expect(labelValue("a/b")).not.toBe(labelValue("a b"));
});
