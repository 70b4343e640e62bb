// A real Chromium, and pages of the report in it. Whatever is opened here is watched: a request that leaves the page, an
// error of the script or a complaint of the browser fails the test that opened it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import puppeteer from "puppeteer-core";

const PAGES = process.env.BACKPROOF_PAGES;
const DEMO = process.env.BACKPROOF_DEMO;

export const fileOf = (name) => (name === "demo" ? join(DEMO, "1-before", "report.html") : join(PAGES, name + ".html"));
// Every finding of a page: `report-all.json`.
const allOf = (name) => (name === "demo" ? join(PAGES, "demo", "report-all.json") : join(PAGES, name + ".json"));
export const reportOf = (name) => JSON.parse(readFileSync(allOf(name), "utf8"));

let browser;
export const launch = async () => {
  browser = await puppeteer.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    // In a container Chromium runs as root, where it has no sandbox of its own; the pages are ours.
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
  });
};
export const quit = () => browser.close();

// Opens a page, gives it to `use`, and checks at the end that it kept to itself.
export const visit = async (name, options, use) => {
  const { hash = "", width = 1440, height = 1000, dark = false, scripts = true } = options;
  const address = pathToFileURL(fileOf(name)).href;
  const page = await browser.newPage();
  const trouble = [];
  page.on("console", (message) => { if (["error", "warn"].includes(message.type())) trouble.push("console: " + message.text()); });
  page.on("pageerror", (error) => trouble.push("error: " + error.message));
  await page.setRequestInterception(true);
  page.on("request", (request) => {
    if (request.url().split("#")[0] === address) return request.continue();
    trouble.push("request: " + request.url());
    return request.abort();
  });
  await page.setViewport({ width, height });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }, { name: "prefers-reduced-motion", value: "reduce" }]);
  await page.setJavaScriptEnabled(scripts);
  try {
    await page.goto(address + hash);
    await use(page);
    assert.deepEqual(trouble, [], "the page kept to itself");
  } finally {
    await page.close();
  }
};

export const text = (page, selector) => page.$eval(selector, (node) => node.textContent);
export const count = async (page) => Number(/^[\d,]+/.exec(await text(page, "#count"))[0].replaceAll(",", ""));

// The rows of the list that are painted, each as {title of the column: text}.
export const rows = (page) =>
  page.$$eval("#grid tbody tr[data-row]", (all) => all.map((row) => Object.fromEntries([...row.children].map((cell) => [cell.dataset.label, cell.textContent]))));

// The rows of every page of the list.
export const allRows = (page) =>
  page.evaluate(() => {
    const all = [];
    for (;;) {
      for (const row of document.querySelectorAll("#grid tbody tr[data-row]")) all.push(Object.fromEntries([...row.children].map((cell) => [cell.dataset.label, cell.textContent])));
      const next = document.querySelector("#pager:not([hidden]) button:nth-of-type(3):not([disabled])");
      if (!next) return all;
      next.click();
    }
  });

// The same lines, in whatever order; tells what differs, not the whole of both.
export const same = (found, expected, what) => {
  const left = found.slice().sort(), right = expected.slice().sort();
  const at = left.findIndex((line, place) => line !== right[place]);
  assert.equal(at === -1 ? left.at(-1) : left[at], right.at(at === -1 ? -1 : at), what);
  assert.equal(left.length, right.length, what);
};

export const choose = (page, facet, value) =>
  page.evaluate((facet, value) => {
    const boxes = [...document.querySelectorAll(".facet-" + facet + " li")];
    const box = boxes.find((one) => one.querySelector(".name").textContent === value);
    if (!box) throw new Error(facet + " has no value " + value + ", but " + boxes.map((one) => one.textContent).join("; "));
    box.querySelector("input").click();
  }, facet, value);

// What each value of a facet would give, as the page says.
export const counts = (page, facet) =>
  page.$$eval(".facet-" + facet + " li", (all) => Object.fromEntries(all.map((one) => [one.querySelector(".name").textContent, Number(one.querySelector(".count").textContent.replaceAll(",", ""))])));

export const search = (page, words) =>
  page.$eval("#q", (node, words) => { node.value = words; node.dispatchEvent(new Event("input", { bubbles: true })); }, words);
