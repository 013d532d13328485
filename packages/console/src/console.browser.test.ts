/** The page in a real browser, against the real control plane. */
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { ErrorInfo_Kind } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import { silentLogger } from "@homeplane/runtime-kit";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { chromiumPath, haveChromium, launchChromium } from "./testing/chromium.ts";
import { type Demo, startDemo } from "./testing/demo.ts";

const title = haveChromium
  ? "the console in Chromium"
  : `the console in Chromium (SKIPPED: there is no ${chromiumPath})`;

describe.skipIf(!haveChromium)(title, () => {
  let browser: Browser;
  let demo: Demo;
  let page: Page;
  let complaints: string[];

  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser.close());
  beforeEach(async () => {
    demo = await startDemo(silentLogger);
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    page.setDefaultTimeout(8_000);
    complaints = [];
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));
    // Anything but this server would be an outside resource.
    page.on("request", (request) => {
      if (!request.url().startsWith(demo.url) && !request.url().startsWith("data:")) complaints.push(request.url());
    });
  });
  afterEach(async () => {
    await page.close();
    await demo[Symbol.asyncDispose]();
  });
  const open = (run: string) => page.goto(`${demo.url}/v2/domain/development/project/flytesnacks/runs/${run}`);

  test("an empty list says how to start a run, and the run then appears by itself and leads to its page", async () => {
    await page.goto(demo.url);
    await page.getByText("flyte run hello").waitFor();
    const run = await demo.createRun("hello");
    const row = page.getByRole("row").filter({ hasText: run });
    await row.getByText("Queued").waitFor();
    await demo.event(run, "a0", { phase: ActionPhase.RUNNING });
    await row.getByText("Running").waitFor();
    await page.getByRole("link", { name: run }).click();
    await page.getByRole("heading", { name: run }).first().waitFor();
    expect(new URL(page.url()).pathname).toBe(`/v2/domain/development/project/flytesnacks/runs/${run}`);
    expect(complaints).toEqual([]);
  });

  test("a run's tree grows and changes phase while it is looked at", async () => {
    const run = await demo.createRun("pipeline");
    await open(run);
    const tree = page.getByRole("region", { name: "Actions" });
    await tree.getByRole("button", { name: "pipeline", exact: true }).waitFor();
    await demo.event(run, "a0", { phase: ActionPhase.RUNNING });
    await demo.child(run, "c1", "a0", "square");
    const child = tree.getByRole("row").filter({ hasText: "square" });
    await child.getByText("Queued").waitFor();
    await demo.event(run, "c1", { phase: ActionPhase.RUNNING });
    await child.getByText("Running").waitFor();
    await demo.event(run, "c1", { phase: ActionPhase.SUCCEEDED });
    await demo.end(run, "c1", ActionPhase.SUCCEEDED);
    await child.getByText("Succeeded").waitFor();
    await tree.getByRole("button", { name: "children of pipeline" }).click();
    await child.waitFor({ state: "detached" });
    expect(complaints).toEqual([]);
  });

  test("log lines appear while the task writes them, as text even when they look like markup", async () => {
    const run = await demo.createRun("hello");
    await demo.event(run, "a0", { phase: ActionPhase.RUNNING });
    demo.log(run, "a0", "first line");
    await open(run);
    const log = page.getByRole("log");
    await log.getByText("first line").waitFor();
    demo.log(run, "a0", "<img src=x onerror=alert(1)>");
    await log.getByText("<img src=x onerror=alert(1)>").waitFor();
    await page.getByText("2 lines, live").waitFor();
    await demo.event(run, "a0", { phase: ActionPhase.SUCCEEDED });
    await demo.end(run, "a0", ActionPhase.SUCCEEDED);
    demo.endLog(run, "a0");
    await page.getByText("2 lines, complete").waitFor();
    // The inputs hold markup too.
    await page.getByText('"<b>world</b>"').waitFor();
    expect(complaints).toEqual([]);
  });

  test("a log of more than 20,000 lines keeps the last ones and says so", async () => {
    const run = await demo.createRun("talkative");
    await demo.event(run, "a0", { phase: ActionPhase.RUNNING });
    demo.log(run, "a0", ...Array.from({ length: 30_000 }, (_, index) => `line ${index}`));
    await open(run);
    await page.getByText("the last 20,000 lines are kept here, 10,000 earlier ones are not shown").waitFor();
    await page.getByRole("log").getByText("line 29999").waitFor();
    expect(await page.locator(".log .line").count()).toBeLessThan(200);
  });

  test("each attempt shows its own error, the newest first", async () => {
    const run = await demo.createRun("flaky");
    const failure = (message: string) => ({ code: "ValueError", message, kind: ErrorInfo_Kind.USER });
    await demo.event(run, "a0", { phase: ActionPhase.RUNNING });
    await demo.event(run, "a0", { phase: ActionPhase.FAILED, error: failure("too small") });
    await demo.event(run, "a0", { attempt: 2, phase: ActionPhase.RUNNING });
    await demo.event(run, "a0", { attempt: 2, phase: ActionPhase.FAILED, error: failure("too large") });
    await demo.end(run, "a0", ActionPhase.FAILED);
    await open(run);
    await page.getByText("too large").waitFor();
    await page.getByRole("button", { name: "Attempt 1" }).click();
    await page.getByText("too small").waitFor();
    expect(await page.getByText("too large").count()).toBe(0);
  });

  test("outputs appear when the action has ended, and its report opens in a tab that has no hold on the page", async () => {
    const run = await demo.createRun("hello");
    await demo.event(run, "a0", { phase: ActionPhase.RUNNING });
    await open(run);
    await page.getByText("not yet").waitFor();
    await demo.event(run, "a0", { phase: ActionPhase.SUCCEEDED, outputUri: "s3://metadata/out" });
    await demo.end(run, "a0", ActionPhase.SUCCEEDED);
    await page.getByText('"the result"').waitFor();
    const [report] = await Promise.all([
      page.waitForEvent("popup"),
      page.getByRole("button", { name: "Open report" }).click(),
    ]);
    await report.waitForURL(/report\.html$/);
    expect(await report.evaluate("window.opener")).toBeNull();
    expect(complaints).toEqual([]);
  });

  test("a run is aborted only after the question, and the button disappears with its end", async () => {
    const run = await demo.createRun("endless");
    await demo.event(run, "a0", { phase: ActionPhase.RUNNING });
    await open(run);
    await page.getByRole("button", { name: "Abort run" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Abort run" }).click();
    await page.getByRole("button", { name: "Abort requested" }).waitFor();
    await demo.end(run, "a0", ActionPhase.ABORTED, Date.now(), "aborted from the console");
    await page.getByText("aborted from the console").waitFor();
    await page.getByRole("button", { name: "Abort requested" }).waitFor({ state: "detached" });
    expect(complaints).toEqual([]);
  });

  test("a server that goes away is told at once, and the page goes on by itself when it is back", async () => {
    const run = await demo.createRun("hello");
    await page.goto(demo.url);
    await page.getByText(run).waitFor();
    const { port } = new URL(demo.url);
    await demo[Symbol.asyncDispose]();
    await page.getByRole("alert").getByText("the control plane does not answer").waitFor();
    // The list that was there stays.
    expect(await page.getByText(run).count()).toBe(1);
    demo = await startDemo(silentLogger, Number(port));
    await page.getByText("No runs yet").waitFor();
    expect(await page.getByRole("alert").count()).toBe(0);
  });

  test("everything on a run's page can be reached and used with the keyboard alone", async () => {
    const run = await demo.createRun("pipeline");
    await demo.child(run, "c1", "a0", "square");
    await open(run);
    await page.getByRole("button", { name: "square", exact: true }).waitFor();
    for (const name of ["Homeplane", "Abort run", "children of pipeline", "pipeline", "square"]) {
      await page.keyboard.press("Tab");
      const focused = await page.evaluate("document.activeElement.ariaLabel ?? document.activeElement.textContent");
      expect(focused).toBe(name);
    }
    await page.keyboard.press("Enter");
    await page.getByRole("region", { name: "square" }).waitFor();
    expect(new URL(page.url()).search).toBe("?action=c1");
  });

  test("nothing sticks out of a page of 360 to 1920 px", async () => {
    const run = await demo.createRun("a_task_with_a_rather_long_name_that_does_not_end_soon");
    await demo.event(run, "a0", { phase: ActionPhase.RUNNING });
    demo.log(run, "a0", "x".repeat(3000));
    for (const [path, sign] of [
      ["/", run],
      [`/v2/domain/development/project/flytesnacks/runs/${run}`, "xxx"],
    ] as const) {
      await page.goto(demo.url + path);
      await page.getByText(sign).first().waitFor();
      for (const width of [360, 701, 768, 1200, 1920]) {
        await page.setViewportSize({ width, height: 800 });
        const used = await page.evaluate("document.documentElement.scrollWidth");
        expect([path, width, Number(used) <= width ? "fits" : used]).toEqual([path, width, "fits"]);
      }
    }
  });

  test("a child with a name as the SDK makes them takes a line or two, with the panel open beside it", async () => {
    const run = await demo.createRun("main");
    const name = "4rzjtg772mtl65eojc7h4c6rt";
    await demo.child(run, name, "a0", "throw_darts");
    await demo.event(run, name, { phase: ActionPhase.RUNNING });
    await page.setViewportSize({ width: 1200, height: 800 });
    await open(`${run}?action=${name}`);
    const row = page.getByRole("row").filter({ hasText: "throw_darts" });
    await row.waitFor();
    expect((await row.boundingBox())?.height).toBeLessThan(70);
    expect(await row.getByTitle(name).textContent()).toBe("4rzjtg77…");
  });

  test("a run that does not exist is an error with a way out", async () => {
    await open("nothere");
    await page.getByRole("alert").getByText("there is no run flytesnacks/development/nothere").waitFor();
  });
});
