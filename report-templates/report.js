"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const PAGE = 100;
  const VERDICTS = ["non-compliant", "unknown", "compliant", "not-applicable"];
  const SEVERITIES = ["critical", "high", "medium", "low"];
  const named = (row) => Object.fromEntries(data.facts.map((name, index) => [name, row[index]]));
  const tables = data.tables.map(([arn, name, account, region, verdict, facts]) => {
    facts = named(facts);
    const text = [name, arn, facts.tags].join("\n").toLowerCase();
    return { arn, name, account, region, verdict: data.verdicts[verdict], facts, text, findings: [] };
  });
  const findings = data.findings.map(([table, rule, verdict, message, extra, waiver, subject]) => {
    const r = data.rules[rule];
    const t = table === null ? other(r.subject, subject) : tables[table];
    const finding = { table: t, rule: r.id, rule_: r, verdict: data.verdicts[verdict], message, extra, waiver };
    finding.text = t.text + "\n" + r.id + "\n" + message.toLowerCase();
    t.findings.push(finding);
    return finding;
  });
  // What a finding is about that is not about a table: a vault, a plan, a Region, a waiver.
  function other(subject, [name, arn, account, region]) {
    return { subject, name, arn, account, region, facts: {}, findings: [], text: [subject, name, arn].join("\n").toLowerCase() };
  }
  const evidence = (f) => Object.fromEntries(f.rule_.reads.map((name) => [name, name in f.extra ? f.extra[name] : f.table.facts[name]]));

  const el = (name, attributes, ...children) => {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) node.setAttribute(key, value);
    node.append(...children);
    return node;
  };
  const bdi = (text) => el("bdi", {}, text);
  const tag = (verdict) => el("span", { class: "tag " + verdict }, verdict);
  const show = (value) => (value === null ? "unknown" : value === true ? "yes" : value === false ? "no" : String(value));
  const number = (value) => (value === null || value === undefined ? -1 : Number(value));

  const titled = (table) => (table.subject ? el("span", {}, table.subject + " ", bdi(table.name)) : bdi(table.name));
  const judged = (f) => (f.waiver ? el("span", {}, tag(f.verdict), " waived by ", bdi(f.waiver)) : tag(f.verdict));
  const place = (table) => el("span", {}, table.account, el("br"), table.region);

  const VIEWS = {
    findings: {
      rows: findings,
      columns: [
        ["Table or other subject", (f) => titled(f.table), (f) => f.table.name],
        ["Account, Region", (f) => place(f.table), (f) => f.table.account + f.table.region],
        ["Rule", (f) => f.rule, (f) => f.rule],
        ["Severity", (f) => f.rule_.severity, (f) => SEVERITIES.indexOf(f.rule_.severity)],
        ["Verdict", (f) => judged(f), (f) => VERDICTS.indexOf(f.verdict)],
        ["Found", (f) => bdi(f.message), (f) => f.message],
      ],
      start: 4,
    },
    tables: {
      rows: tables,
      columns: [
        ["Table", (t) => bdi(t.name), (t) => t.name],
        ["Account, Region", (t) => place(t), (t) => t.account + t.region],
        ["Verdict", (t) => tag(t.verdict), (t) => VERDICTS.indexOf(t.verdict)],
        ["Plan", (t) => show(t.facts.plan_verdict), (t) => show(t.facts.plan_verdict)],
        ["Newest point, hours", (t) => show(t.facts.newest_recovery_point_age_hours_seen), (t) => number(t.facts.newest_recovery_point_age_hours_seen)],
        ["Usable points", (t) => show(t.facts.usable_recovery_point_count_seen), (t) => number(t.facts.usable_recovery_point_count_seen)],
        ["Retention, days", (t) => show(t.facts.shortest_retention_days_seen), (t) => number(t.facts.shortest_retention_days_seen)],
        ["Key", (t) => show(t.facts.weakest_key_owner), (t) => show(t.facts.weakest_key_owner)],
        ["Lock", (t) => show(t.facts.vault_lock_kind), (t) => show(t.facts.vault_lock_kind)],
      ],
      start: 2,
    },
  };

  const options = (id, values) => {
    const select = $(id);
    select.append(el("option", { value: "" }, "all"), ...values.map((value) => el("option", { value }, value)));
  };
  const unique = (values) => [...new Set(values)].sort();
  options("f-verdict", VERDICTS);
  options("f-severity", SEVERITIES);
  options("f-rule", data.rules.map((rule) => rule.id));
  options("f-account", unique(tables.map((table) => table.account)));
  options("f-region", unique(tables.map((table) => table.region)));

  let view, shown, limit, sort;

  const matching = () => {
    const q = $("q").value.trim().toLowerCase();
    const [verdict, severity, rule, account, region] = ["verdict", "severity", "rule", "account", "region"].map((name) => $("f-" + name).value);
    const fits = (f) => (!verdict || f.verdict === verdict) && (!severity || f.rule_.severity === severity) && (!rule || f.rule === rule);
    return view.rows.filter((row) => {
      const table = row.table || row;
      if (q && !row.text.includes(q)) return false;
      if (account && table.account !== account) return false;
      if (region && table.region !== region) return false;
      if (row.table) return fits(row);
      if (!severity && !rule) return !verdict || row.verdict === verdict;
      return (row.findings || []).some(fits);
    });
  };

  const head = () => {
    const row = el("tr");
    view.columns.forEach(([title], index) => {
      const button = el("button", { type: "button" }, title);
      button.addEventListener("click", () => {
        sort = { column: index, down: sort.column === index ? !sort.down : false };
        draw();
      });
      const cell = el("th", { scope: "col", "aria-sort": sort.column === index ? (sort.down ? "descending" : "ascending") : "none" }, button);
      if (sort.column === index) cell.append(sort.down ? " ↓" : " ↑");
      row.append(cell);
    });
    row.append(el("th", { scope: "col" }, "Evidence"));
    $("grid").tHead.replaceChildren(row);
  };

  const quote = (text) => "'" + text.replaceAll("'", "'\\''") + "'";
  const command = (table) =>
    "aws backup list-recovery-points-by-resource --resource-arn " + quote(table.arn) + " --region " + table.region +
    "\naws dynamodb describe-table --table-name " + quote(table.name) + " --region " + table.region;
  const pairs = (map) => {
    const list = el("dl", { class: "kv" });
    for (const [name, value] of Object.entries(map)) list.append(el("dt", {}, name), el("dd", {}, bdi(show(value))));
    return list;
  };
  const detail = (row) => {
    const table = row.table || row;
    const cell = el("td", { colspan: String(view.columns.length + 1) });
    cell.append(el("p", {}, bdi(table.arn)));
    if (row.table) {
      if (row.verdict === "non-compliant") cell.append(el("p", {}, "Remedy: " + row.rule_.remedy));
      cell.append(el("strong", {}, "Facts the rule read"), pairs(evidence(row)));
    } else {
      const list = el("ul");
      for (const f of table.findings || []) list.append(el("li", {}, judged(f), " " + f.rule + ": ", bdi(f.message)));
      cell.append(list, el("strong", {}, "Every fact"), pairs(table.facts));
    }
    if (!table.subject) cell.append(el("strong", {}, "Look for yourself"), el("pre", {}, command(table)));
    return el("tr", { class: "detail" }, cell);
  };

  const append = () => {
    const body = $("grid").tBodies[0];
    for (const row of shown.slice(limit, limit + PAGE)) {
      const line = el("tr");
      view.columns.forEach(([, render], index) => line.append(el(index ? "td" : "th", index ? {} : { scope: "row" }, render(row))));
      const button = el("button", { type: "button", "aria-expanded": "false", "aria-label": "Evidence for " + (row.table || row).name }, "Show");
      let open = null;
      button.addEventListener("click", () => {
        if (open) { open.remove(); open = null; } else { open = detail(row); line.after(open); }
        button.textContent = open ? "Hide" : "Show";
        button.setAttribute("aria-expanded", String(Boolean(open)));
      });
      line.append(el("td", {}, button));
      body.append(line);
    }
    limit += PAGE;
    $("more").hidden = limit >= shown.length;
  };

  const draw = () => {
    shown = matching();
    const key = view.columns[sort.column][2];
    const order = (x, y) => (x < y ? -1 : x > y ? 1 : 0);
    const tie = (a, b) => (a.table ? order(SEVERITIES.indexOf(a.rule_.severity), SEVERITIES.indexOf(b.rule_.severity)) || order(a.table.name, b.table.name) : order(a.name, b.name));
    shown.sort((a, b) => order(key(a), key(b)) * (sort.down ? -1 : 1) || tie(a, b));
    head();
    $("grid").tBodies[0].replaceChildren();
    limit = 0;
    append();
    $("count").textContent = shown.length + " of " + view.rows.length + " " + $("view").value;
  };
  const choose = () => {
    view = VIEWS[$("view").value];
    sort = { column: view.start, down: false };
    draw();
  };
  let timer;
  $("filters").addEventListener("input", (event) => {
    clearTimeout(timer);
    timer = setTimeout(event.target.id === "view" ? choose : draw, event.target.id === "q" ? 120 : 0);
  });
  $("reset").addEventListener("click", () => setTimeout(choose, 0));
  $("more").addEventListener("click", append);
  $("app").hidden = false;
  $("static").hidden = true;
  choose();
})();
