import { expect, test } from "vitest";
import { crc32c, crc64nvme } from "./crc.ts";

const CHECK = Buffer.from("123456789");

test("the catalogue's check values come out, in one piece and in two", () => {
  expect(crc32c(CHECK).toString(16)).toBe("e3069283");
  expect(crc32c(CHECK.subarray(4), crc32c(CHECK.subarray(0, 4))).toString(16)).toBe("e3069283");
  const whole = crc64nvme(CHECK);
  expect([whole.high.toString(16), whole.low.toString(16)]).toEqual(["ae8b1486", "a799888"]);
  expect(crc64nvme(CHECK.subarray(4), crc64nvme(CHECK.subarray(0, 4)))).toEqual(whole);
});
