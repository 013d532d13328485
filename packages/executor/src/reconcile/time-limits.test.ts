import { create, toBinary } from "@bufbuild/protobuf";
import { TaskMetadataSchema, TaskTemplateSchema } from "@homeplane/idl/flyteidl2/core/tasks";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { templateMetadata } from "../pod/template-metadata.ts";
import { projectTaskAction } from "../resource.ts";
import { ms, sampleTaskAction } from "../testing/samples.ts";
import { durationText } from "./duration-text.ts";
import { timeLimitsOf } from "./time-limits.ts";

const bound = fc.option(fc.integer({ min: 0, max: 10 ** 9 }), { nil: undefined });

test("a template's bounds are what the informer keeps of it, wherever its metadata stands and however large the rest is", () => {
  fc.assert(
    fc.property(bound, bound, bound, fc.string({ maxLength: 2000 }), (runtime, queued, deadline, text) => {
      const metadata = {
        ...(runtime === undefined ? {} : { timeout: ms(runtime) }),
        timeouts: {
          ...(queued === undefined ? {} : { queuedTimeout: ms(queued) }),
          ...(deadline === undefined ? {} : { deadline: ms(deadline) }),
        },
      };
      const target = { case: "container" as const, value: { image: text, args: [text, text] } };
      const { limits = {} } = projectTaskAction(sampleTaskAction({}, { metadata, template: { target } }));
      // Zero is no bound.
      expect(limits).toEqual({
        ...(runtime ? { maxRuntimeMs: runtime } : {}),
        ...(queued ? { queuedMs: queued } : {}),
        ...(deadline ? { deadlineMs: deadline } : {}),
      });
    }),
  );
});

describe("metadata of a template", () => {
  test("is the same as in the whole template, also when it comes in two parts", () => {
    const part = (retries: number, version: string) =>
      toBinary(
        TaskTemplateSchema,
        create(TaskTemplateSchema, { type: "t", metadata: { retries: { retries }, discoveryVersion: version } }),
      );
    const bytes = Buffer.concat([part(3, ""), part(0, "v1")]);
    expect(templateMetadata(bytes.toString("base64"))).toMatchObject({
      retries: { retries: 3 },
      discoveryVersion: "v1",
    });
  });

  test("that can not be read keeps no action from being seen", () => {
    for (const taskTemplate of ["", "////", Buffer.from([0x12, 0xff, 0xff]).toString("base64")]) {
      const one = sampleTaskAction();
      expect(projectTaskAction({ ...one, spec: { ...one.spec, taskTemplate } }).metadata.name).toBe("r1-a0");
    }
  });
});

test("a negative bound is an invalid task, and the message names the field", () => {
  const metadata = create(TaskMetadataSchema, { timeouts: { deadline: ms(-1000) } });
  expect(() => timeLimitsOf(metadata)).toThrow("spec.taskTemplate.metadata.timeouts.deadline: is -1000 ms");
});

test.each([
  [0, "0s"],
  [1500, "1.5s"],
  [10_500, "10s"],
  [90_000, "1m30s"],
  [3_600_000, "1h"],
  [90_061_000, "1d1h1m1s"],
])("%i ms is said as %s", (count, text) => {
  expect(durationText(count)).toBe(text);
});
