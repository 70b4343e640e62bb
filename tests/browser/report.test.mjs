// The HTML report as people use it: lists, filters, search, evidence, links, keyboard, paper.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { allRows, choose, count, counts, launch, quit, reportOf, rows, same, search, text, visit } from "./bench.mjs";

before(launch);
after(quit);

// Those of findings, and between them those that only tables have.
const VERDICTS = ["non-compliant", "unknown", "waived", "not-yet-due", "compliant", "not-applicable", "not-asked"];
const ANSWERS = ["no", "unknown", "no (waived)", "not yet due", "yes", "not judged", "not asked"];
const SEVERITIES = ["critical", "high", "medium", "low"];
const isTable = (finding) => finding.subject === "table";
const verdictOf = (finding) => finding.verdict + (finding.waived ? "waived" : "");
const nameOf = (finding) => (isTable(finding) ? "" : finding.subject + " ") + finding.resource_name;

for (const name of ["nasty", "demo"]) {
  test(`every finding of ${name} is listed as the JSON report has it`, () =>
    visit(name, {}, async (page) => {
      const line = (...parts) => parts.join(" | ");
      const listed = (await allRows(page)).map((row) => line(row["Table or other subject"], row.Rule, row.Verdict, row.Severity, row.Found, row.Region));
      const expected = reportOf(name).findings.map((one) => line(nameOf(one), one.rule, verdictOf(one), one.severity, one.message, one.region));
      same(listed, expected, name);
    }));

  test(`every table of ${name} is listed, with its open and unknown findings`, () =>
    visit(name, { hash: "#view=tables" }, async (page) => {
      const { tables, findings } = reportOf(name);
      const of = (arn, verdict) => findings.filter((one) => isTable(one) && one.resource_arn === arn && one.verdict === verdict && !one.waived).length;
      const listed = (await allRows(page)).map((row) => [row.Table, row.Verdict, Number(row.Open), Number(row.Unknown)].join(" | "));
      const expected = tables.map((table) => [table.table_name, table.verdict, of(table.table_arn, "non-compliant"), of(table.table_arn, "unknown")].join(" | "));
      same(listed, expected, name);
    }));
}

test("the worst comes first", () =>
  visit("demo", {}, async (page) => {
    const rank = (row) => (row["Counts as"] === "required" ? 0 : 100) + (row.Verdict.endsWith("waived") ? 2 : VERDICTS.indexOf(row.Verdict)) * 8 + SEVERITIES.indexOf(row.Severity);
    const ranks = (await allRows(page)).map(rank);
    assert.deepEqual(ranks, ranks.toSorted((a, b) => a - b));
  }));

test("every column sorts both ways and says so; what is not known comes last", async () => {
  for (const view of ["findings", "tables", "days"]) {
    await visit(view === "findings" ? "nasty" : "demo", { hash: "#view=" + view }, async (page) => {
      const columns = await page.$$eval("#grid thead button", (all) => all.map((one) => one.dataset.column));
      assert.ok(columns.length >= 6, view);
      for (const column of columns) {
        for (const way of ["ascending", "descending"]) {
          await page.click(`#grid thead button[data-column="${column}"]`);
          const sorted = await page.$$eval("#grid thead th[aria-sort]", (all) => all.map((one) => [one.querySelector("button").dataset.column, one.getAttribute("aria-sort")]));
          assert.deepEqual(sorted.filter(([, how]) => how !== "none"), [[column, way]]);
          assert.equal(await page.evaluate(() => document.activeElement.dataset.column), column, "the focus stays");
          const title = await page.$eval(`#grid button[data-column="${column}"] span`, (node) => node.firstChild.data);
          const values = (await allRows(page)).map((row) => row[title]);
          // What stands there in place of a value; "none" may be a value as well.
          const isMissing = (value) => /^(–|not asked|left open by AWS|(denied|throttled|failed|unsupported|credentials-expired|region-not-enabled): .*)$/.test(value);
          let end = values.length;
          while (end > 0 && (isMissing(values[end - 1]) || values[end - 1] === "none")) end--;
          const known = values.slice(0, end);
          const isAnswer = ["In a plan", "Backed up", "Restorable"].includes(title);
          if (!["Verdict", "Severity"].includes(title) && !isAnswer && title !== "Unknown") assert.ok(!known.some(isMissing), `${title}: what has no value last`);
          const key = (value) => {
            if (isAnswer) return ANSWERS.indexOf(value);
            if (title === "Verdict") return VERDICTS.indexOf(VERDICTS.includes(value) ? value : value.replace(/waived$/, ""));
            if (title === "Severity") return SEVERITIES.indexOf(value);
            return /^[\d,.]+$/.test(value) ? Number(value.replaceAll(",", "")) : value;
          };
          const keys = (title === "Verdict" || title === "Severity" || isAnswer ? values : known).map(key);
          if (title === "Account" || title === "Table or other subject") continue;
          const order = keys.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0) * (way === "ascending" ? 1 : -1));
          assert.deepEqual(keys, order, `${view}, ${title}, ${way}`);
          await page.evaluate(() => document.querySelector("#pager button")?.click());
        }
      }
    });
  }
});

test("facets count what choosing them gives, one beside the other", () =>
  visit("demo", {}, async (page) => {
    const { findings } = reportOf("demo");
    const fits = (wanted) => findings.filter((one) => Object.entries(wanted).every(([key, values]) => values.includes(String(one[key])))).length;
    await choose(page, "verdict", "non-compliant");
    await choose(page, "severity", "high");
    await choose(page, "severity", "critical");
    assert.equal(await count(page), fits({ verdict: ["non-compliant"], severity: ["high", "critical"] }));
    // Values of a chosen facet say what they would add, those of others what they would leave.
    for (const [severity, number] of Object.entries(await counts(page, "severity"))) assert.equal(number, fits({ verdict: ["non-compliant"], severity: [severity] }), severity);
    for (const [verdict, number] of Object.entries(await counts(page, "verdict"))) assert.equal(number, fits({ verdict: [verdict], severity: ["high", "critical"] }), verdict);
    for (const [rule, number] of Object.entries(await counts(page, "rule"))) assert.equal(number, fits({ verdict: ["non-compliant"], severity: ["high", "critical"], rule: [rule] }), rule);
    for (const [region, number] of Object.entries(await counts(page, "region"))) assert.equal(number, fits({ verdict: ["non-compliant"], severity: ["high", "critical"], region: [region === "no Region" ? "" : region] }), region);
    await choose(page, "region", "us-east-1");
    assert.equal(await count(page), fits({ verdict: ["non-compliant"], severity: ["high", "critical"], region: ["us-east-1"] }));
    await page.click("#chips .clear");
    assert.equal(await count(page), findings.length);
    assert.deepEqual(await page.$$eval("#facet-list input:checked", (all) => all.length), 0);
    await choose(page, "waiver", "waived");
    assert.equal(await count(page), findings.filter((one) => one.waived).length);
  }));

test("facets of tables look at what is wrong with them", () =>
  visit("demo", { hash: "#view=tables" }, async (page) => {
    const { tables, findings } = reportOf("demo");
    const having = (test) => new Set(findings.filter((one) => isTable(one) && test(one)).map((one) => one.resource_arn)).size;
    const isWrong = (one) => ["non-compliant", "unknown"].includes(one.verdict);
    for (const [rule, number] of Object.entries(await counts(page, "rule"))) assert.equal(number, having((one) => one.rule === rule && isWrong(one)), rule);
    for (const [verdict, number] of Object.entries(await counts(page, "verdict"))) assert.equal(number, tables.filter((one) => one.verdict === verdict).length, verdict);
    await choose(page, "rule", "recovery-point-fresh");
    assert.equal(await count(page), having((one) => one.rule === "recovery-point-fresh" && isWrong(one)));
    const perVerdict = await counts(page, "verdict");
    for (const verdict of Object.keys(perVerdict)) assert.equal(perVerdict[verdict], having((one) => one.rule === "recovery-point-fresh" && one.verdict === verdict), verdict);
    await choose(page, "verdict", "compliant");
    assert.equal(await count(page), perVerdict.compliant);
  }));

test("the search finds names, ARNs, tags, messages, rules and ids, all words of it", () =>
  visit("demo", {}, async (page) => {
    const { findings, tables } = reportOf("demo");
    const tagged = new Map(tables.map((table) => [table.table_arn, table.facts]));
    const one = findings.find((finding) => finding.rule === "backup-jobs-succeed" && finding.verdict === "non-compliant");
    const within = (finding, word) =>
      [finding.resource_name, finding.resource_arn, finding.account_id, finding.rule, finding.message, finding.verdict === "compliant" || finding.verdict === "not-applicable" ? "" : finding.id, tagged.get(finding.resource_arn)?.tags ?? ""]
        .some((part) => part.toLowerCase().includes(word));
    for (const words of [one.resource_name, one.resource_arn, one.id, "last failure", "team=identity", one.rule + " " + one.resource_name.slice(0, 5).toUpperCase()]) {
      await search(page, words);
      const expected = findings.filter((finding) => words.toLowerCase().split(" ").every((word) => within(finding, word)));
      const found = (await allRows(page)).map((row) => row["Table or other subject"] + row.Rule + row.Found);
      for (const finding of expected) assert.ok(found.includes(nameOf(finding) + finding.rule + finding.message), words);
      assert.ok(found.length >= expected.length && found.length < findings.length, words);
      if (words === one.id) assert.equal(found.length, 1);
    }
    assert.ok(await page.evaluate(() => CSS.highlights.get("found")?.size > 0), "what was found is marked");
    await search(page, "no such word anywhere");
    assert.equal(await count(page), 0);
    assert.match(await text(page, "#grid tbody"), /Nothing fits/);
  }));

test("a view is in its address: it can be shared, and stepped back from", () =>
  visit("demo", {}, async (page) => {
    await page.click('[data-view="tables"]');
    await choose(page, "verdict", "non-compliant");
    await choose(page, "region", "us-east-1");
    await search(page, "us-");
    await page.select("#sort", "-name");
    const [hash, shown] = [await page.evaluate(() => location.hash), await rows(page)];
    assert.ok(shown.length > 1 && shown.length < 30);
    await visit("demo", { hash }, async (other) => {
      assert.deepEqual(await rows(other), shown);
      assert.equal(await other.$eval("#q", (node) => node.value), "us-");
      assert.equal(await other.$$eval("#chips .chip", (all) => all.length), 3);
    });
  }));

test("back undoes one step", () =>
  visit("demo", {}, async (page) => {
    const all = await count(page);
    await choose(page, "verdict", "unknown");
    const unknown = await count(page);
    await choose(page, "severity", "high");
    assert.ok((await count(page)) < unknown);
    await page.goBack();
    assert.equal(await count(page), unknown);
    await page.goBack();
    assert.equal(await count(page), all);
    await page.goForward();
    assert.equal(await count(page), unknown);
  }));

test("a link that asks for what the report does not have shows nothing, and says so", () =>
  visit("demo", { hash: "#account=000000000000&page=7&sort=nonsense&view=nothing" }, async (page) => {
    assert.equal(await count(page), 0);
    assert.match(await text(page, "#chips"), /000000000000 \(not in this report\)/);
  }));

test("answers lead to their tables, and tables filter by them", () =>
  visit("demo", {}, async (page) => {
    const { tables } = reportOf("demo");
    for (const link of await page.$$(".answers a.answer-link")) {
      const [number, href] = await link.evaluate((node) => [Number(node.textContent.replace(/\D/g, "")), node.getAttribute("href")]);
      const [, question, answer] = /&([a-z-]+)=([a-z-]+)$/.exec(href);
      await link.evaluate((node) => node.click());
      assert.equal(await count(page), number, href);
      assert.equal(number, tables.filter((one) => one.answers[question.replaceAll("-", "_")] === answer).length, href);
    }
    await page.$eval(".action a", (node) => node.click());
    assert.ok(await page.$("dialog[open]"), "what needs action opens");
  }));

test("charts and tables of the page lead to their rows", () =>
  visit("demo", {}, async (page) => {
    const { tables, findings } = reportOf("demo");
    for (const part of await page.$$eval(".legend a", (all) => all.map((one) => one.querySelector(".name").textContent))) {
      await page.click(`.legend .${part} a`);
      assert.equal(await count(page), tables.filter((one) => one.verdict === part).length, part);
      assert.match(await text(page, "#count"), /table/);
    }
    for (const link of await page.$$("#rules td a, .bars a, .parts a, .matrix .cell")) {
      const number = await link.evaluate((node) => Number((node.querySelector(".count") || node).textContent.replace(/\D/g, "")));
      await link.evaluate((node) => node.click());
      assert.equal(await count(page), number, await link.evaluate((node) => node.getAttribute("href")));
    }
    const late = await page.evaluateHandle(() => document.querySelectorAll("#days g[data-day]")[20]);
    await late.evaluate((node) => node.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true })));
    assert.match(await text(page, "#chips"), /Exposed on/);
    await page.click('#controls a[href^="#rule="]');
    const rules = (await page.evaluate(() => location.hash)).replace("#rule=", "").split(",");
    assert.equal(await count(page), findings.filter((one) => rules.includes(one.rule)).length);
  }));

test("a finding opens to its evidence, rule, controls and commands, and closes to where it was", () =>
  visit("demo", { hash: "#rule=recovery-point-fresh&verdict=non-compliant&sort=name" }, async (page) => {
    const first = (await rows(page))[0];
    const finding = reportOf("demo").findings.find((one) => one.resource_name === first["Table or other subject"] && one.rule === first.Rule);
    await page.focus("#grid tbody .opener");
    await page.keyboard.press("Enter");
    const dialog = await page.$("dialog[open]");
    assert.ok(dialog);
    const told = await page.$$eval("dialog .facts tbody tr", (all) => all.map((row) => [row.children[0].textContent, row.children[1].firstChild.textContent, row.children[2].textContent.length > 20]));
    assert.deepEqual(told.map(([fact]) => fact), Object.keys(finding.evidence));
    for (const [fact, value, isExplained] of told) {
      const expected = finding.evidence[fact];
      const plain = expected === null ? finding.causes[fact] : typeof expected === "number" ? String(Math.round(expected * 100) / 100) : String(expected);
      assert.equal(value.replace(/ (hours|days|minutes|bytes)$/, "").replace(/^unknown /, ""), plain, fact);
      assert.ok(isExplained, fact + " says what it means");
    }
    const all = await text(page, "dialog");
    for (const part of [finding.message, finding.resource_arn, finding.remedy, finding.id, "Controls it gives evidence for", "A1.2", "compliant if"]) assert.ok(all.includes(part), part);
    const commands = await text(page, "dialog pre");
    assert.match(commands, /^aws dynamodb describe-table --table-name \S+ --region \S+$/m);
    assert.ok(commands.includes("list-recovery-points-by-resource --resource-arn " + finding.resource_arn));
    await page.evaluate(() => { navigator.clipboard && (navigator.clipboard.writeText = () => { throw new Error("not asked for"); }); });
    await page.evaluate(() => [...document.querySelectorAll("dialog .commands button")].find((one) => one.textContent === "Copy").click());
    assert.equal(await page.evaluate(() => getSelection().toString().trim()), commands.trim());
    assert.match(await text(page, "dialog .commands [role=status]"), /Copied|Selected/);
    // The next one, back to the table, and out.
    await page.evaluate(() => document.querySelector("dialog .walk button:last-child").click());
    assert.notEqual(await text(page, "dialog .crumbs"), first["Table or other subject"] + " › " + first.Rule);
    await page.click("dialog .crumbs .opener");
    assert.match(await text(page, "dialog"), /Every fact/);
    const address = page.url();
    await page.keyboard.press("Escape");
    assert.equal(await page.$("dialog[open]"), null);
    assert.ok(!page.url().includes("open="));
    assert.ok(await page.evaluate(() => document.activeElement.classList.contains("opener")), "the focus is where it was");
    await visit("demo", { hash: new URL(address).hash }, async (other) => assert.ok(await other.$("dialog[open]"), "an open finding can be shared"));
  }));

test("a waived finding names its waiver", () =>
  visit("demo", { hash: "#waiver=waived" }, async (page) => {
    const { findings, waivers } = reportOf("demo");
    const finding = findings.find((one) => one.waived), waiver = waivers.find((one) => one.id === finding.waiver);
    await page.click("#grid tbody .opener");
    const told = await text(page, "dialog .waiver");
    for (const part of [waiver.id, waiver.reason, waiver.requester, waiver.approver]) assert.ok(told.includes(part), part);
  }));

test("days tell of each table what the report knows, and a press on one keeps the exposed", () =>
  visit("hundred", { hash: "#view=days" }, async (page) => {
    const sums = Object.fromEntries((await allRows(page)).map((row) => [row.Table, ["Exposed", "Not observed", "Covered"].map((one) => Number(row[one]))]));
    const strips = Object.fromEntries(await page.$$eval("#grid tbody tr", (all) => all.map((row) => [row.querySelector(".opener").textContent, row.querySelector(".strip").getAttribute("aria-label")])));
    for (const [name, words] of Object.entries(strips)) {
      const days = (state) => Number(new RegExp("(\\d+) days? " + state).exec(words)?.[1] ?? 0);
      assert.deepEqual([days("exposed"), days("not observed"), days("covered")], sums[name], name);
    }
    const day = "#over-days [data-day]:nth-of-type(4)";
    const number = Number(/(\d+) exposed/.exec(await page.$eval(day, (node) => node.getAttribute("aria-label")))[1]);
    await page.$eval(day, (node) => node.focus());
    await page.keyboard.press("Enter");
    assert.equal(await count(page), number);
    assert.match(await text(page, "#chips"), /Exposed on/);
  }));

test("nasty texts stay texts", () =>
  visit("nasty", { hash: "#view=tables" }, async (page) => {
    const names = new Set(reportOf("nasty").tables.map((one) => one.table_name));
    for (const row of await allRows(page)) assert.ok(names.delete(row.Table), row.Table);
    assert.equal(names.size, 0);
    for (const row of reportOf("nasty").tables.filter((one) => !/^[\w.-]*$/.test(one.table_name))) {
      await page.evaluate((arn) => { location.hash = "#view=tables&open=" + encodeURIComponent(arn); }, row.table_arn);
      await page.waitForFunction((arn) => [...document.querySelectorAll("dialog[open] .pairs bdi")].some((one) => one.textContent === arn), { timeout: 5000 }, row.table_arn);
    }
    const strange = await page.$$eval("body *", (all) => [...new Set(all.map((one) => one.localName))].filter((one) => ["b", "img", "testsuites", "iframe", "object"].includes(one) && one !== "b"));
    assert.deepEqual(strange, []);
    assert.equal(await page.$$eval("b", (all) => all.length), 0);
    assert.equal(await page.$$eval("script", (all) => all.length), 2);
  }));

test("whoever has a keyboard only gets everywhere", () =>
  visit("demo", {}, async (page) => {
    const tabTo = async (selector, most) => {
      for (let presses = 0; presses < most; presses++) {
        await page.keyboard.press("Tab");
        if (await page.evaluate((selector) => document.activeElement.matches(selector), selector)) {
          const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
          assert.notEqual(outline, "none", selector + " shows that it has the focus");
          return;
        }
      }
      assert.fail("no way to " + selector);
    };
    await tabTo(".skip", 1);
    await page.keyboard.press("Enter");
    await tabTo("#q", 6);
    await page.keyboard.type("customer");
    await tabTo("#facet-list input", 8);
    await page.keyboard.press("Space");
    assert.match(await text(page, "#chips"), /Verdict: non-compliant/);
    await tabTo("#sort", 130);
    await tabTo('[data-column="rule"]', 8);
    await page.keyboard.press("Enter");
    assert.equal(await page.$eval('th:has([data-column="rule"])', (node) => node.getAttribute("aria-sort")), "ascending");
    await tabTo("#grid tbody .opener", 8);
    await page.keyboard.press("ArrowDown");
    const opener = await page.evaluate(() => document.activeElement.textContent);
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement.id), "detail-h", "the evidence is read next");
    for (let presses = 0; presses < 40; presses++) {
      await page.keyboard.press("Tab");
      assert.ok(await page.evaluate(() => document.activeElement === document.body || Boolean(document.activeElement.closest("dialog"))), "the focus stays in the evidence");
    }
    await page.keyboard.press("Escape");
    assert.equal(await page.evaluate(() => document.activeElement.textContent), opener);
  }));

for (const name of ["nasty", "demo"]) {
  test(`nothing of ${name} is wider than the screen`, () =>
    visit(name, {}, async (page) => {
      for (const width of [320, 390, 768, 1024, 1440, 2200]) {
        await page.setViewport({ width, height: 900 });
        for (const view of ["tables", "days", "findings"]) {
          await page.$eval(`[data-view="${view}"]`, (node) => node.click());
          const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
          assert.ok(wide <= 0, `${view} at ${width}: ${wide} pixels too many`);
        }
        for (const opener of ["#grid tbody .opener", "dialog .crumbs .opener"]) {
          await page.$eval(opener, (node) => node.click());
          const inside = await page.$eval("dialog", (node) => node.scrollWidth - node.clientWidth);
          assert.ok(inside <= 0, `${opener} at ${width}: ${inside} pixels too many`);
        }
        await page.keyboard.press("Escape");
      }
    }));
}

test("the theme is the system's until somebody chooses", () =>
  visit("one", { dark: true }, async (page) => {
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const dark = await ground();
    await page.click("#theme");
    assert.notEqual(await ground(), dark);
    await page.click("#theme");
    assert.equal(await ground(), dark);
    assert.equal(await text(page, "#theme"), "Theme: dark");
    await page.click("#theme");
    assert.equal(await text(page, "#theme"), "Theme: system");
    assert.deepEqual(await page.evaluate(() => [document.cookie, sessionStorage.length, localStorage.length]), ["", 0, 0]);
  }));

test("without scripts the page still tells the verdict and every open finding", () =>
  visit("demo", { scripts: false }, async (page) => {
    const open = reportOf("demo").findings.filter((one) => ["non-compliant", "unknown"].includes(one.verdict) && !one.waived && one.level === "required");
    const client = await page.createCDPSession();
    const { root } = await client.send("DOM.getDocument");
    const all = async (selector) => (await client.send("DOM.querySelectorAll", { nodeId: root.nodeId, selector })).nodeIds;
    assert.equal((await all("#open-rows tr")).length, open.length);
    const box = async (selector) => client.send("DOM.getBoxModel", { nodeId: (await all(selector))[0] }).then(() => true, () => false);
    assert.ok(await box("#open-findings"), "they are seen");
    assert.ok(!(await box("#app")), "and what needs a script is not");
    assert.ok(await box(".answers table"), "the answers come first");
    assert.ok(await box("#advised summary"), "what is advised is folded");
    assert.ok(await box(".donut svg"));
    assert.ok(await box("table.days"));
  }));

const printed = async (page) => {
  const file = join(mkdtempSync(join(tmpdir(), "backproof-")), "report.pdf");
  writeFileSync(file, await page.pdf({ format: "A4" }));
  return execFileSync("pdftotext", ["-raw", file, "-"], { encoding: "utf8" });
};
const spaceless = (words) => words.replace(/\s+/g, "");

test("on paper stand the statement, the summary and the open findings, on pages that name the evidence", () =>
  visit("demo", { dark: true }, async (page) => {
    const report = reportOf("demo");
    const paper = await printed(page);
    const pages = paper.split("\f").slice(0, -1);
    for (const part of ["Not compliant", "Summary", "Three questions", "Coverage and gaps", "Policy and waivers", "How to read this", "Control"]) assert.ok(paper.includes(part), part);
    for (const part of ["Sort by", "Copy link", "Theme:", "Filters"]) assert.ok(!paper.includes(part), part + " is for the screen");
    pages.forEach((one, number) => assert.ok(one.includes(`${number + 1} of ${pages.length}`) && one.includes("evidence sha256 " + report.scan.evidence_digest), "page " + (number + 1)));
    const all = spaceless(paper);
    const fresh = report.findings.filter((one) => one.rule === "recovery-point-fresh" && one.verdict === "non-compliant");
    for (const finding of fresh) assert.ok(all.includes(spaceless(finding.resource_name)), finding.resource_name);
  }));

test("what is chosen is what is printed, and then the page is as before", () =>
  visit("demo", { hash: "#rule=deletion-protection-on&verdict=compliant" }, async (page) => {
    const before = await page.$$eval("#open-rows tr", (all) => all.length);
    const paper = await printed(page);
    const chosen = reportOf("demo").findings.filter((one) => one.rule === "deletion-protection-on" && one.verdict === "compliant");
    assert.ok(spaceless(paper).includes(spaceless(`Chosen by Verdict: compliant; Rule: deletion-protection-on: ${chosen.length} findings.`)));
    assert.ok(!paper.includes("start an on-demand backup"));
    assert.equal(await page.$$eval("#open-rows tr", (all) => all.length), before);
  }));
