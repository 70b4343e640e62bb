// 10,000 tables and 100,000 findings: what a press takes, measured against the same press on a hundredth of the data.
// Never against a clock alone: machines differ. The times themselves are printed.

import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { after, before, test } from "node:test";
import { count, fileOf, launch, quit, visit } from "./bench.mjs";

before(launch);
after(quit);

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

// From the event to the frame that shows its result, in milliseconds.
const press = (page, act, argument) =>
  page.evaluate(async (act, argument) => {
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    const start = performance.now();
    if (act === "type") {
      const box = document.getElementById("q");
      box.value = argument;
      box.dispatchEvent(new Event("input", { bubbles: true }));
    } else document.querySelector(argument).click();
    // Painted: the first task after the next frame.
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    return performance.now() - start;
  }, act, argument);

const measure = async (name) => {
  const times = {};
  await visit(name, {}, async (page) => {
    await press(page, "type", "warm");
    const words = ["l", "le", "led", "ledg", "ledge", "ledger", "ledger ", "ledger 0", "ledger 09", "which policy does", "x", ""];
    const all = [];
    for (let round = 0; round < 3; round++) for (const word of words) all.push(await press(page, "type", word));
    times.typing = median(all);
    times.slowest = Math.max(...all.slice(words.length));
    times.facet = median([await press(page, "click", "#f-verdict-0"), await press(page, "click", "#f-verdict-0"), await press(page, "click", "#f-severity-1"), await press(page, "click", "#f-severity-1")]);
    const rowsShown = await page.$$eval("#grid tbody tr", (rows) => rows.length);
    assert.ok(rowsShown <= 50, rowsShown + " rows in the page");
    times.sort = median([await press(page, "click", '[data-column="name"]'), await press(page, "click", '[data-column="name"]')]);
    times.tables = median([await press(page, "click", '[data-view="tables"]'), await press(page, "click", '[data-view="findings"]')]);
    times.days = await press(page, "click", '[data-view="days"]');
    times.open = await press(page, "click", "#grid tbody .opener");
    times.findings = await page.evaluate(() => JSON.parse(document.getElementById("data").textContent)).then((data) => data.tables.findings.reduce((sum, one) => sum + data.patterns[one].length, 0));
  });
  return times;
};

test("twenty times the findings take far less than twenty times as long", async () => {
  const [small, large] = [await measure("hundred"), await measure("large")];
  console.log(`${large.findings} findings, ${(statSync(fileOf("large")).size / 1e6).toFixed(1)} MB; milliseconds to the painted rows:`);
  for (const what of ["typing", "slowest", "facet", "sort", "tables", "days", "open"]) console.log(`  ${what}: ${large[what].toFixed(0)} (${small.findings} findings: ${small[what].toFixed(0)})`);
  assert.ok(large.findings >= 19_000);
  for (const what of ["typing", "facet", "tables", "days", "open"]) assert.ok(large[what] / small[what] < 12, `${what}: ${large[what]} against ${small[what]}`);
});

test("a page on very many tables lists the worst of them, and says so", () =>
  visit("large", { hash: "#view=tables" }, async (page) => {
    assert.equal(await count(page), 2_000);
    assert.match(await page.$eval("body", (body) => body.innerText), /lists the 2,000 worst of 10,000 tables/);
  }));
