// What axe-core says of every view, in light and dark, on wide and narrow screens.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { launch, quit, visit } from "./bench.mjs";

before(launch);
after(quit);

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const VIEWS = {
  findings: "#view=findings",
  "chosen findings": "#verdict=non-compliant&severity=high&q=customer&sort=-name",
  tables: "#view=tables",
  days: "#view=days",
};

const judge = async (page, what, dark = false) => {
  await page.evaluate(AXE);
  // The dark theme differs in its colours and in nothing else.
  const options = { resultTypes: ["violations"], ...(dark ? { runOnly: ["color-contrast", "link-in-text-block"] } : {}) };
  const { violations } = await page.evaluate((options) => window.axe.run(document, options), options);
  const grave = violations.filter((one) => ["serious", "critical"].includes(one.impact));
  assert.deepEqual(grave.map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) => node.html.slice(0, 160) + " " + node.failureSummary).join(" | ")}`), [], what);
};

for (const dark of [false, true]) {
  const theme = dark ? "dark" : "light";
  for (const [what, hash] of Object.entries(VIEWS)) {
    test(`${what}, ${theme}`, () => visit("demo", { hash, dark }, (page) => judge(page, what, dark)));
  }
  test(`the evidence of a finding and of a table, ${theme}`, () =>
    visit("demo", { hash: "#waiver=waived", dark }, async (page) => {
      await page.click("#grid tbody .opener");
      await judge(page, "a finding", dark);
      await page.click("dialog .crumbs .opener");
      await judge(page, "a table", dark);
    }));
}

test("a narrow screen", () => visit("demo", { width: 390 }, (page) => judge(page, "a narrow screen")));
test("nasty texts", () => visit("nasty", {}, (page) => judge(page, "nasty texts")));
test("an empty report", () => visit("empty", {}, (page) => judge(page, "an empty report")));
