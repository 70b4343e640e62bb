/* The script of report.html. It reads the data in the element #data and asks for nothing else: no request, no storage, no
   markup from text. What is chosen stands in the address after #, so that a view can be shared; the page's charts and
   tables are plain links to such addresses: #view=tables&verdict=unknown&account=000000000001&sort=-name&page=2
   (view, q, sort, page, day, open, on, and the facets of FACETS; several values with commas).

   The data, where "text" is a number that counts into `texts`, "fact" one into `facts`:
     texts       every text once
     as_of       seconds since 1970; instants are seconds after it
     verdicts, severities, states, ages   the words that digits stand for
     accounts    {id: name}
     window      first, days
     facts       [{name, means, unit, source}]: first the columns of tables, then other names of evidence
     rules       [{id, title, remedy, rationale, applies, compliant, controls: [[framework, ids]]}]
     waivers     [{id, reason, instead, requester, approver, approved, until, ticket, …}]
     answers, answer_words, questions, question_words   the words that digits stand for, and those for people
     tables      verdict (an answer), answers (one text for each question), age: one digit a table; name, account, region, before_name: texts (the ARN is before_name and
                 name, or what follows a "!"); days {list, of}: one digit a day; findings: the pattern of each table;
                 facts: a column for each fact: {kind, one} or {kind, all: one a table}; kind is text, number, truth or
                 instant; where there is no value [text: why]; or {same: what the table is}
     blocks      tables that need action, worst first: [table, since when exposed, newest point, plan, failing jobs, what to do, owner,
                 due], all but the first a text
     kinds       [rule, verdict, severity, waived, waiver (text), message, evidence (facts), commands, required,
                 question]; a message or command is a text, or [text, fact, text, …]; facts below zero: -1 name, -2 ARN, -3 account, -4 Region
     patterns    [[kind, …]]: the findings of a table, in order
     ids         of non-compliant and unknown findings on tables, in order
     differing   evidence on tables that is not the table's fact: [table, finding of the table, fact, value]
     others      findings on other subjects: [kind, subject, id, name, ARN, account, Region, [value of each evidence, or [why there is none]]] */
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const PAGE = { findings: 50, tables: 50, days: 100 };
  const OPEN_PRINTED = 1000;
  const VERDICT_ORDER = ["non-compliant", "unknown", "waived", "unknown-waived", "not-yet-due", "compliant", "not-applicable", "not-asked"];
  const SEVERITY_ORDER = ["critical", "high", "medium", "low"];
  // Facts of a table that the search looks into, beside its name, ARN, account and Region.
  const SEARCHED = ["table_id", "tags", "owner", "policy_tier", "plan_names", "plan_selections", "plan_vaults", "recovery_point_vaults", "newest_recovery_point_arn", "table_key_arn", "last_failed_backup_job_cause"];

  // ---- building the page: text is always text, never markup

  const $ = (id) => document.getElementById(id);
  const fill = (node, attributes, children) => {
    for (const [key, value] of Object.entries(attributes || {})) if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value);
    node.append(...children.filter((child) => child !== null && child !== undefined));
    return node;
  };
  const el = (name, attributes, ...children) => fill(document.createElement(name), attributes, children);
  const svg = (name, attributes, ...children) => fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
  const bdi = (text) => el("bdi", null, text);
  const tag = (verdict) => el("span", { class: "tag " + verdict }, verdict);
  const soft = (...children) => el("span", { class: "soft" }, ...children);
  const grouped = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, ",");
  const plural = (number, noun) => grouped(number) + " " + noun + (number === 1 ? "" : "s");

  // ---- the data, unfolded

  const { texts, kinds, rules } = data;
  const instant = (seconds) => new Date((data.as_of + seconds) * 1000).toISOString().slice(0, 19) + "Z";
  const read = { text: (cell) => texts[cell], number: (cell) => cell, truth: (cell) => cell === 1, instant };
  const tableCount = data.tables.verdict.length;

  // Subjects: the tables, then whatever else findings are about.
  const subjects = { count: tableCount, kind: [], name: [], arn: [], account: [], region: [] };
  for (let table = 0; table < tableCount; table++) {
    const { before_name, name, account, region } = data.tables;
    const before = texts[before_name[table]];
    subjects.kind.push("table");
    subjects.name.push(texts[name[table]]);
    subjects.arn.push(before.startsWith("!") ? before.slice(1) : before + texts[name[table]]);
    subjects.account.push(texts[account[table]]);
    subjects.region.push(texts[region[table]]);
  }
  const tableFindings = data.tables.findings.reduce((sum, pattern) => sum + data.patterns[pattern].length, 0);
  const findings = { count: tableFindings + data.others.length };
  findings.kind = new Uint32Array(findings.count);
  findings.subject = new Uint32Array(findings.count);
  const firstOf = new Uint32Array(tableCount + 1);
  const ids = new Map();
  const evidenceOf = new Map();
  const bad = kinds.map(([, verdict]) => ["non-compliant", "unknown"].includes(data.verdicts[verdict]));
  const isBad = (kind) => bad[kind];
  {
    let at = 0, named = 0;
    for (let table = 0; table < tableCount; table++) {
      firstOf[table] = at;
      for (const kind of data.patterns[data.tables.findings[table]]) {
        findings.kind[at] = kind;
        findings.subject[at] = table;
        if (isBad(kind)) ids.set(at, data.ids[named++]);
        at++;
      }
    }
    firstOf[tableCount] = at;
    for (const [table, finding, fact, value] of data.differing) {
      const of = firstOf[table] + finding;
      evidenceOf.set(of, (evidenceOf.get(of) || new Map()).set(fact, value));
    }
    const known = new Map();
    for (const [kind, subject, id, name, arn, account, region, values] of data.others) {
      const key = JSON.stringify([subject, arn, account, region]);
      if (!known.has(key)) {
        known.set(key, subjects.count++);
        subjects.kind.push(subject); subjects.name.push(name); subjects.arn.push(arn);
        subjects.account.push(account); subjects.region.push(region);
      }
      findings.kind[at] = kind;
      findings.subject[at] = known.get(key);
      ids.set(at, id);
      evidenceOf.set(at, new Map(kinds[kind][6].map((fact, place) => [fact, values[place]])));
      at++;
    }
  }
  const factNumber = new Map(data.tables.facts.map((_, number) => [data.facts[number].name, number]));
  // No value, and why; the same object for the same words.
  const nones = new Map();
  const none = (why) => { if (!nones.has(why)) nones.set(why, { why }); return nones.get(why); };
  const given = (value) => (Array.isArray(value) ? none(value[0]) : value);
  const isMissing = (value) => value === null || value === undefined || typeof value === "object";
  const isKnownNone = (value) => isMissing(value) && value && ["none", "not asked"].includes(value.why);
  // A fact of a table; undefined: there is no such fact.
  const valueOf = (table, fact) => {
    const column = data.tables.facts[fact];
    if (!column) return undefined;
    if (column.same) return subjects[column.same][table];
    const cell = column.all ? column.all[table] : column.one;
    return Array.isArray(cell) ? none(texts[cell[0]]) : read[column.kind](cell);
  };
  const factOf = (table, ...names) => {
    for (const name of names) if (factNumber.has(name)) return valueOf(table, factNumber.get(name));
    return undefined;
  };
  const hasFact = (...names) => names.some((name) => factNumber.has(name));
  const evidence = (finding, fact) => {
    const subject = findings.subject[finding];
    if (fact < 0) return [subjects.name, subjects.arn, subjects.account, subjects.region][-1 - fact][subject];
    const own = evidenceOf.get(finding);
    return own && own.has(fact) ? given(own.get(fact)) : valueOf(subject, fact);
  };
  const show = (value) => (isMissing(value) ? (value ? value.why : "unknown") : value === true ? "yes" : value === false ? "no" : String(value));
  const phrase = (finding, parts) => (typeof parts === "number" ? texts[parts] : parts.map((part, place) => (place % 2 ? show(evidence(finding, part)) : texts[part])).join(""));
  const rule = (finding) => rules[kinds[findings.kind[finding]][0]] || { id: "unknown", title: "", remedy: "", rationale: "", applies: "", compliant: "", controls: [] };
  const verdict = (finding) => data.verdicts[kinds[findings.kind[finding]][1]];
  const severity = (finding) => data.severities[kinds[findings.kind[finding]][2]];
  const isWaived = (finding) => kinds[findings.kind[finding]][3] === 1;
  const waiver = (finding) => { const text = kinds[findings.kind[finding]][4]; return text === null ? null : texts[text]; };
  const message = (finding) => phrase(finding, kinds[findings.kind[finding]][5]);
  const isRequired = (finding) => kinds[findings.kind[finding]][8] === 1;
  const tableVerdict = (table) => data.answers[data.tables.verdict[table]];
  const answerOf = (table, question) => data.answers[data.tables.answers[question][table]];
  const answerTag = (answer) => el("span", { class: "tag " + answer }, data.answer_words[data.answers.indexOf(answer)]);
  const daysOf = (subject) => (subject < tableCount ? data.tables.days.list[data.tables.days.of[subject]] : "");
  const dayAt = (number) => new Date(Date.parse(data.window.first + "T00:00:00Z") + number * 864e5).toISOString().slice(0, 10);
  const stateNumber = Object.fromEntries(data.states.map((state, number) => [state, String(number)]));
  const inWordsOf = (state) => ({ "not-observed": "not observed", "not-alive": "table did not exist" })[state] || state;
  const countDays = (subject, state) => { let count = 0; for (const day of daysOf(subject)) if (day === stateNumber[state]) count++; return count; };

  // ---- facets: each row has one value in each; of findings by kind, of subjects by subject

  const code = (count, of, order) => {
    const seen = new Map(), codes = new Uint32Array(count);
    for (let row = 0; row < count; row++) {
      const value = of(row);
      if (!seen.has(value)) seen.set(value, seen.size);
      codes[row] = seen.get(value);
    }
    const values = order ? order.filter((value) => seen.has(value)).concat([...seen.keys()].filter((value) => !order.includes(value))) : [...seen.keys()].sort();
    const place = new Map(values.map((value, number) => [value, number]));
    const moved = [...seen.keys()].map((value) => place.get(value));
    return { values, codes: codes.map((old) => moved[old]) };
  };
  const ofKinds = (id, label, of, order) => ({ id, label, level: "kind", ...code(kinds.length, of, order) });
  const ofSubjects = (id, label, of, order) => ({ id, label, level: "subject", ...code(subjects.count, of, order) });
  const tier = (subject) => (subject < tableCount ? show(factOf(subject, "policy_tier")) : "no table");
  const capitalised = (words) => words[0].toUpperCase() + words.slice(1);
  const FACETS = [
    ofKinds("verdict", "Verdict", (kind) => data.verdicts[kinds[kind][1]], VERDICT_ORDER),
    ofKinds("level", "Counts as", (kind) => (kinds[kind][8] ? "required" : "advised"), ["required", "advised"]),
    ofKinds("question", "Question", (kind) => data.questions[kinds[kind][9]], data.questions),
    ...[0, 1, 2].map((question) => ofSubjects(data.questions[question], capitalised(data.question_words[question]), (subject) => (subject < tableCount ? answerOf(subject, question) : ""), data.answers)),
    ofKinds("severity", "Severity", (kind) => data.severities[kinds[kind][2]], SEVERITY_ORDER),
    ofKinds("waiver", "Waiver", (kind) => (kinds[kind][3] ? "waived" : "open"), ["open", "waived"]),
    ofSubjects("subject", "About", (subject) => subjects.kind[subject]),
    ofSubjects("account", "Account", (subject) => subjects.account[subject]),
    ofSubjects("region", "Region", (subject) => subjects.region[subject]),
    ofSubjects("tier", "Tier", tier),
    ofSubjects("age", "Newest recovery point", (subject) => (subject < tableCount ? data.tables.age[subject] : ""), data.ages.map((_, number) => String(number))),
    ofKinds("rule", "Rule", (kind) => (rules[kinds[kind][0]] || { id: "unknown" }).id),
  ];
  const [VERDICT, LEVEL, QUESTION, SEVERITY, WAIVER, SUBJECT] = ["verdict", "level", "question", "severity", "waiver", "subject"].map((id) => FACETS.find((facet) => facet.id === id));
  // Verdicts that tables have and findings do not.
  for (let table = 0; table < tableCount; table++) if (!VERDICT.values.includes(tableVerdict(table))) VERDICT.values.push(tableVerdict(table));
  const RULE = FACETS.at(-1);
  const labelOf = (facet, value) => {
    if (facet.id === "account") return value === "" ? "no account" : data.accounts[value] ? value + " " + data.accounts[value] : value;
    if (facet.id === "question") return data.question_words[data.questions.indexOf(value)] || value;
    if (data.questions.includes(facet.id)) return value === "" ? "no table" : data.answer_words[data.answers.indexOf(value)] || value;
    if (facet.id === "region") return value === "" ? "no Region" : value;
    if (facet.id === "age") return value === "" ? "no table" : data.ages[Number(value)] || value;
    return value;
  };

  // ---- what is chosen, and its place in the address

  const start = () => ({ view: "findings", q: "", sort: "", page: 1, day: "", open: "", on: "", facets: new Map() });
  let state = start();
  const parse = (fragment) => {
    const chosen = start();
    for (const pair of fragment.replace(/^#/, "").split("&")) {
      const [key, value = ""] = pair.split(/=(.*)/s);
      const plain = (text) => { try { return decodeURIComponent(text.replaceAll("+", " ")); } catch { return text; } };
      if (FACETS.some((facet) => facet.id === key)) chosen.facets.set(key, new Set(value.split(",").map(plain)));
      else if (key === "page") chosen.page = Math.max(1, Number.parseInt(value, 10) || 1);
      else if (key in chosen && key !== "facets") chosen[key] = plain(value);
    }
    if (!(chosen.view in VIEWS)) chosen.view = "findings";
    return chosen;
  };
  const fragment = (of) => {
    const parts = [];
    const add = (key, value) => { if (value) parts.push(key + "=" + value); };
    const enc = (text) => encodeURIComponent(text).replaceAll("%3A", ":").replaceAll("%2F", "/");
    add("view", of.view === "findings" ? "" : of.view);
    add("q", enc(of.q.trim()));
    for (const facet of FACETS) if (of.facets.get(facet.id)?.size) add(facet.id, [...of.facets.get(facet.id)].map(enc).join(","));
    add("day", of.day);
    add("sort", enc(of.sort));
    add("page", of.page > 1 ? of.page : "");
    add("open", enc(of.open));
    add("on", enc(of.on));
    return "#" + (parts.join("&") || "view=" + of.view);
  };
  const remember = (isStep) => {
    const address = fragment(state);
    if (address === window.location.hash) return;
    history[isStep ? "pushState" : "replaceState"](null, "", address);
  };

  // ---- search: all texts of a kind in one long text, found by its own search

  const index = (count, text) => {
    const starts = new Uint32Array(count + 1), parts = [];
    let at = 0;
    for (let row = 0; row < count; row++) {
      const part = text(row).toLowerCase() + "\n";
      starts[row] = at;
      parts.push(part);
      at += part.length;
    }
    starts[count] = at;
    return { starts, text: parts.join("") };
  };
  const mark = ({ starts, text }, term, bit, hits) => {
    let row = 0;
    for (let at = text.indexOf(term); at !== -1; at = text.indexOf(term, starts[row + 1])) {
      let high = starts.length - 1;
      while (high - row > 1) { const middle = (row + high) >> 1; if (starts[middle] <= at) row = middle; else high = middle; }
      hits[row] |= bit;
      if (row + 1 >= starts.length - 1) break;
    }
  };
  const searched = SEARCHED.filter((name) => factNumber.has(name)).map((name) => factNumber.get(name));
  const subjectText = (subject) => {
    const own = [subjects.kind[subject], subjects.name[subject], subjects.arn[subject], subjects.account[subject], data.accounts[subjects.account[subject]] || "", subjects.region[subject]];
    if (subject < tableCount) for (const fact of searched) { const value = valueOf(subject, fact); if (!isMissing(value) && value !== "none") own.push(String(value)); }
    return own.join("\n");
  };
  const kindText = (kind) => {
    const [of, , , , waived, parts] = kinds[kind];
    const r = rules[of];
    return [r ? r.id + "\n" + r.title : "", waived === null ? "" : texts[waived], typeof parts === "number" ? texts[parts] : ""].join("\n");
  };
  const findingText = (finding) => {
    const parts = kinds[findings.kind[finding]][5];
    return (ids.get(finding) || "") + (typeof parts === "number" ? "" : "\n" + phrase(finding, parts));
  };
  let indexes = null;
  const indexed = () => {
    if (!indexes) indexes = { subject: index(subjects.count, subjectText), kind: index(kinds.length, kindText), finding: index(findings.count, findingText) };
    return indexes;
  };
  const bits = { subject: new Uint32Array(subjects.count), kind: new Uint32Array(kinds.length), finding: new Uint32Array(findings.count) };
  // Marks what each term of the search is found in; gives the mark of all terms, 0 if nothing is asked.
  const look = (q) => {
    const terms = q.toLowerCase().split(/\s+/).filter(Boolean).slice(0, 30);
    if (!terms.length) return 0;
    for (const [level, hits] of Object.entries(bits)) {
      hits.fill(0);
      terms.forEach((term, place) => mark(indexed()[level], term, 1 << place, hits));
    }
    return 2 ** terms.length - 1;
  };

  // ---- filtering: which rows fit, and how many would fit with another value of one facet

  // 0: fits every facet of its level; n: all but the facet n - 1; -1: fails several.
  const misses = (level, count) => {
    const missed = new Int8Array(count);
    FACETS.forEach((facet, number) => {
      const wanted = state.facets.get(facet.id);
      if (facet.level !== level || !wanted?.size) return;
      const fits = facet.values.map((value) => wanted.has(value));
      for (let row = 0; row < count; row++) if (!fits[facet.codes[row]]) missed[row] = missed[row] === 0 ? number + 1 : -1;
    });
    return missed;
  };
  const ofDay = () => {
    const number = state.day ? Math.round((Date.parse(state.day + "T00:00:00Z") - Date.parse(data.window.first + "T00:00:00Z")) / 864e5) : -1;
    if (number < 0 || Number.isNaN(number)) return () => !state.day;
    return (subject) => daysOf(subject)[number] === stateNumber.exposed;
  };
  const filter = () => {
    const all = look(state.q);
    const missedKind = misses("kind", kinds.length), missedSubject = misses("subject", subjects.count);
    const fitsDay = ofDay();
    const counts = FACETS.map((facet) => new Uint32Array(facet.values.length));
    const dayFits = new Uint8Array(subjects.count);
    for (let subject = 0; subject < subjects.count; subject++) dayFits[subject] = fitsDay(subject) ? 1 : 0;
    return (state.view === "findings" ? filterFindings : filterTables)(all, missedKind, missedSubject, dayFits, counts);
  };
  const filterFindings = (all, missedKind, missedSubject, dayFits, counts) => {
    const fits = new Uint8Array(findings.count);
    // Of rows that fit all, and of rows that fit all but one facet: by kind and by subject, spread over facets at the end.
    const kindFits = new Uint32Array(kinds.length), subjectFits = new Uint32Array(subjects.count);
    const kindAlmost = new Uint32Array(kinds.length), subjectAlmost = new Uint32Array(subjects.count);
    const { kind: kindOf, subject: subjectOf } = findings;
    const { subject: inSubject, kind: inKind, finding: inFinding } = bits;
    let total = 0;
    for (let row = 0; row < findings.count; row++) {
      const kind = kindOf[row], subject = subjectOf[row];
      const byKind = missedKind[kind], bySubject = missedSubject[subject];
      if (!dayFits[subject] || (byKind && bySubject)) continue;
      if (all && (inSubject[subject] | inKind[kind] | inFinding[row]) !== all) continue;
      if (!byKind && !bySubject) { fits[row] = 1; total++; kindFits[kind]++; subjectFits[subject]++; }
      else if (!bySubject) kindAlmost[kind]++;
      else subjectAlmost[subject]++;
    }
    FACETS.forEach((facet, number) => {
      const [rows, fit, almost, missed] = facet.level === "kind" ? [kinds.length, kindFits, kindAlmost, missedKind] : [subjects.count, subjectFits, subjectAlmost, missedSubject];
      for (let row = 0; row < rows; row++) counts[number][facet.codes[row]] += fit[row] + (missed[row] === number + 1 ? almost[row] : 0);
    });
    return { fits, total, counts };
  };
  // A table fits if one of its findings fits severity, waiver, rule and verdict together; a finding that is neither
  // non-compliant nor unknown counts only where a verdict is chosen. By its verdict alone, if nothing else is asked.
  const filterTables = (all, missedKind, missedSubject, dayFits, counts) => {
    const fits = new Uint8Array(tableCount);
    const wantsFinding = [LEVEL, QUESTION, SEVERITY, WAIVER, RULE].some((facet) => state.facets.get(facet.id)?.size);
    const wanted = state.facets.get("verdict");
    const stamps = FACETS.map((facet) => (facet.level === "kind" ? new Int32Array(facet.values.length).fill(-1) : null));
    const verdictCode = new Map(VERDICT.values.map((value, number) => [value, number]));
    let total = 0;
    for (let table = 0; table < tableCount; table++) {
      const bySubject = missedSubject[table];
      if (bySubject === -1 || !dayFits[table] || (all && bits.subject[table] !== all)) continue;
      let fit = !wantsFinding && (!wanted?.size || wanted.has(tableVerdict(table)));
      for (let row = firstOf[table]; row < firstOf[table + 1]; row++) {
        const kind = findings.kind[row], missed = missedKind[kind], isAsked = wanted?.size || isBad(kind);
        if (wantsFinding && missed === 0 && isAsked) fit = true;
        if (bySubject || missed === -1) continue;
        for (let number = 0; number < FACETS.length; number++) {
          if (!stamps[number] || (missed && missed !== number + 1) || (number === 0 ? !wantsFinding : !isAsked)) continue;
          const value = FACETS[number].codes[kind];
          if (stamps[number][value] !== table) { stamps[number][value] = table; counts[number][value]++; }
        }
      }
      const own = verdictCode.get(tableVerdict(table));
      if (!wantsFinding && !bySubject && own !== undefined) counts[0][own]++;
      if (!fit) continue;
      FACETS.forEach((facet, number) => { if (facet.level === "subject" && (!bySubject || bySubject === number + 1)) counts[number][facet.codes[table]]++; });
      if (!bySubject) { fits[table] = 1; total++; }
    }
    return { fits, total, counts };
  };

  // ---- views: columns with what they show and what they sort by

  const judged = (finding) => el("span", null, tag(verdict(finding)), isWaived(finding) ? el("span", { class: "tag waived" }, "waived") : null);
  const accountOf = (subject) => el("span", { class: "account" }, subjects.account[subject] || soft("none"), data.accounts[subjects.account[subject]] ? el("bdi", { class: "soft" }, data.accounts[subjects.account[subject]]) : null);
  // What is required comes before what is advised.
  const kindRank = kinds.map(([, v, s, w, , , , , of]) => {
    const place = VERDICT_ORDER.indexOf(data.verdicts[v]);
    return (of ? 0 : 100) + (w ? 2 : place) * 8 + SEVERITY_ORDER.indexOf(data.severities[s]);
  });
  const openOf = new Uint32Array(subjects.count), unknownOf = new Uint32Array(subjects.count);
  for (let row = 0; row < findings.count; row++) {
    if (isWaived(row)) continue;
    if (verdict(row) === "non-compliant") openOf[findings.subject[row]]++;
    if (verdict(row) === "unknown") unknownOf[findings.subject[row]]++;
  }
  const button = (label, press, attributes) => { const node = el("button", { type: "button", ...attributes }, label); node.addEventListener("click", press); return node; };
  const opener = (subject, on) => {
    const titled = subjects.kind[subject] === "table" ? [] : [soft(subjects.kind[subject] + " ")];
    return button(el("span", null, ...titled, bdi(subjects.name[subject])), () => openDetail(subject, on), { class: "opener", "aria-haspopup": "dialog" });
  };
  const numeric = (...names) => ({ is: hasFact(...names), n: true, cell: (table) => { const value = factOf(table, ...names); return isMissing(value) ? soft(show(value)) : grouped(show(value)); }, key: (table) => { const value = factOf(table, ...names); return isMissing(value) ? null : value; } });
  const worded = (...names) => ({ is: hasFact(...names), cell: (table) => { const value = factOf(table, ...names); return isMissing(value) ? soft(show(value)) : el("bdi", { class: "word" }, show(value)); }, key: (table) => { const value = factOf(table, ...names); return isMissing(value) ? null : show(value); } });
  const whole = (count) => (count ? grouped(count) : el("span", { class: "zero" }, "0"));
  const place = [
    { id: "account", title: "Account", cell: accountOf, key: (subject) => subjects.account[subject] },
    { id: "region", title: "Region", cell: (subject) => subjects.region[subject], key: (subject) => subjects.region[subject] },
  ];
  const inTier = { id: "tier", title: "Tier", ...worded("policy_tier") };
  const named = { id: "name", title: "Table", head: true, cell: (table) => opener(table, ""), key: (table) => subjects.name[table] };
  const onFinding = (columns) => columns.map((column) => ({ ...column, cell: (row) => column.cell(findings.subject[row]), key: (row) => column.key(findings.subject[row]) }));
  const dayCount = (state) => ({ is: data.window.days > 0, n: true, cell: (table) => (daysOf(table) ? whole(countDays(table, state)) : soft("–")), key: (table) => (daysOf(table) ? countDays(table, state) : null) });
  // What needs action comes first, in the order of the page: never backed up before backed up too long ago.
  const worst = new Map(data.blocks.map(([table], place) => [table, place]));
  const VIEWS = {
    findings: {
      noun: "finding", count: findings.count, rank: (row) => kindRank[findings.kind[row]], subject: (row) => findings.subject[row],
      columns: [
        { id: "verdict", title: "Verdict", cell: judged, key: (row) => VERDICT_ORDER.indexOf(verdict(row)) },
        { id: "severity", title: "Severity", cell: (row) => el("span", { class: "severity " + severity(row) }, severity(row)), key: (row) => SEVERITY_ORDER.indexOf(severity(row)) },
        { id: "name", title: "Table or other subject", head: true, cell: (row) => opener(findings.subject[row], rule(row).id), key: (row) => subjects.name[findings.subject[row]] },
        ...onFinding(place),
        { id: "rule", title: "Rule", cell: (row) => el("code", null, rule(row).id), key: (row) => rule(row).id },
        { id: "message", title: "Found", wide: true, cell: (row) => bdi(message(row)), key: message },
        { id: "level", title: "Counts as", cell: (row) => (isRequired(row) ? "required" : soft("advised")), key: (row) => (isRequired(row) ? "required" : "advised") },
      ],
    },
    tables: {
      noun: "table", count: tableCount, rank: (row) => worst.get(row) ?? data.blocks.length + VERDICT_ORDER.indexOf(tableVerdict(row)) * 1e4 + 9999 - Math.min(9999, openOf[row]), subject: (row) => row,
      columns: [
        { id: "verdict", title: "Verdict", cell: (table) => tag(tableVerdict(table)), key: (table) => VERDICT_ORDER.indexOf(tableVerdict(table)) },
        named, ...place,
        ...[0, 1, 2].map((question) => ({ id: data.questions[question], title: capitalised(data.question_words[question]), cell: (table) => answerTag(answerOf(table, question)), key: (table) => VERDICT_ORDER.indexOf(answerOf(table, question)) })),
        { id: "open", title: "Open", n: true, cell: (table) => whole(openOf[table]), key: (table) => openOf[table] },
        { id: "unknown", title: "Unknown", n: true, cell: (table) => whole(unknownOf[table]), key: (table) => unknownOf[table] },
        { id: "plan", title: "Selection", ...worded("plan_verdict") },
        { id: "newest", title: "Newest point, h", ...numeric("newest_recovery_point_age_hours_seen", "newest_recovery_point_age_hours") },
        { id: "limit", title: "limit, h", ...numeric("limit_hours") },
        { id: "points", title: "Points", ...numeric("usable_recovery_point_count_seen", "usable_recovery_point_count") },
        { id: "retention", title: "Kept, days", ...numeric("shortest_retention_days_seen", "shortest_retention_days") },
        { id: "key", title: "Key", ...worded("weakest_key_owner") },
        { id: "lock", title: "Lock", ...worded("vault_lock_kind") },
        { id: "restore", title: "Restore", ...worded("restore_outcome") },
        inTier,
      ],
    },
    days: {
      noun: "table", count: tableCount, rank: (row) => { const days = daysOf(row); return days ? 1e6 - countDays(row, "exposed") * 1e3 - countDays(row, "not-observed") : 1e7; }, subject: (row) => row,
      columns: [
        named,
        { id: "days", title: "Days", unsorted: true, cell: (table) => strip(table) },
        { id: "exposed", title: "Exposed", ...dayCount("exposed") },
        { id: "not-observed", title: "Not observed", ...dayCount("not-observed") },
        { id: "covered", title: "Covered", ...dayCount("covered") },
        inTier, ...place,
      ],
    },
  };
  for (const view of Object.values(VIEWS)) view.columns = view.columns.filter((column) => column.is !== false);

  // ---- sorting: once for each column and direction, over all rows; what is not known comes last

  const orders = new Map();
  const sorted = (values) => [...new Set(values)].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const ranks = (count, key) => {
    const keys = Array.from({ length: count }, (_, row) => key(row));
    const values = sorted(keys.filter((value) => !isMissing(value)));
    const rankOf = new Map(values.map((value, rank) => [value, rank]));
    return { size: values.length, of: keys.map((value) => (isMissing(value) ? -1 : rankOf.get(value))) };
  };
  const byKey = (count, key) => {
    const keys = Float64Array.from({ length: count }, (_, row) => key(row) * count + row).sort();
    return Uint32Array.from(keys, (value) => value % count);
  };
  const order = (view, sort) => {
    const name = state.view + " " + sort;
    if (orders.has(name)) return orders.get(name);
    const column = view.columns.find((one) => one.id === sort.replace(/^-/, "") && !one.unsorted);
    let rows;
    if (column) {
      const before = order(view, "");
      const placeOf = new Uint32Array(view.count);
      before.forEach((row, at) => { placeOf[row] = at; });
      const { of, size } = ranks(view.count, column.key);
      const rank = (row) => (of[row] === -1 ? size : sort.startsWith("-") ? size - 1 - of[row] : of[row]);
      rows = byKey(view.count, (at) => rank(before[at])).map((at) => before[at]);
    } else {
      const names = ranks(subjects.count, (subject) => subjects.name[subject]);
      rows = byKey(view.count, (row) => view.rank(row) * (names.size + 1) + names.of[view.subject(row)]);
    }
    orders.set(name, rows);
    return rows;
  };

  // ---- drawing

  let shown = new Uint32Array(0);
  const draw = () => {
    const view = VIEWS[state.view];
    const { fits, total, counts } = filter();
    const rows = order(view, state.sort);
    shown = new Uint32Array(total);
    for (let at = 0, to = 0; to < total; at++) if (fits[rows[at]]) shown[to++] = rows[at];
    const pages = Math.max(1, Math.ceil(total / PAGE[state.view]));
    state.page = Math.min(state.page, pages);
    drawControls(view);
    drawFacets(counts);
    drawChips();
    drawGrid(view);
    drawPager(pages);
    drawDays();
    const of = total === view.count ? "" : " of " + grouped(view.count);
    const on = pages > 1 ? ", page " + state.page + " of " + grouped(pages) : "";
    $("count").textContent = (of ? grouped(total) + of + " " + view.noun + "s" : plural(total, view.noun)) + on;
  };
  const step = (change, isTyping) => {
    Object.assign(state, { page: 1 }, change);
    remember(!isTyping);
    draw();
  };
  const drawControls = (view) => {
    for (const node of document.querySelectorAll("[data-view]")) node.setAttribute("aria-pressed", String(node.dataset.view === state.view));
    if ($("q").value.trim() !== state.q.trim()) $("q").value = state.q;
    const choices = [["", "worst first"]];
    for (const { id, title, unsorted } of view.columns) if (!unsorted) choices.push([id, title + ", rising"], ["-" + id, title + ", falling"]);
    if ($("sort").dataset.view !== state.view) {
      $("sort").replaceChildren(...choices.map(([value, label]) => el("option", { value }, label)));
      $("sort").dataset.view = state.view;
    }
    $("sort").value = choices.some(([value]) => value === state.sort) ? state.sort : "";
  };

  // Facets are built once; then only numbers and ticks change.
  const choose = (facet, value, isOn) => {
    const wanted = new Set(state.facets.get(facet.id));
    if (isOn) wanted.add(value); else wanted.delete(value);
    const facets = new Map(state.facets);
    facets.set(facet.id, wanted);
    step({ facets });
  };
  const groups = FACETS.map((facet) => {
    const items = facet.values.map((value, number) => {
      const input = el("input", { type: "checkbox", id: "f-" + facet.id + "-" + number });
      const count = el("span", { class: "count" });
      input.addEventListener("change", () => choose(facet, value, input.checked));
      const mark = facet.id === "verdict" ? tag(value) : data.questions.includes(facet.id) && value ? answerTag(value) : bdi(labelOf(facet, value));
      return { value, input, count, node: el("li", null, el("label", { for: input.id }, input, el("span", { class: "name" }, mark), count)) };
    });
    const list = el("ul", null, ...items.map((item) => item.node));
    const node = el("fieldset", { class: "facet facet-" + facet.id }, el("legend", null, facet.label));
    if (items.length > 12) {
      const narrow = el("input", { type: "search", class: "narrow", "aria-label": "Narrow the list: " + facet.label, placeholder: plural(items.length, "value") });
      narrow.addEventListener("input", () => { node.dataset.narrow = narrow.value.trim().toLowerCase(); draw(); });
      node.append(narrow);
    }
    node.append(list);
    return { facet, items, node };
  });
  const drawFacets = (counts) => {
    groups.forEach(({ facet, items, node }, number) => {
      node.hidden = facet.values.length < 2 || (state.view !== "findings" && facet === SUBJECT);
      if (node.hidden) return;
      const narrow = node.dataset.narrow || "";
      items.forEach((item, value) => {
        const count = counts[number][value], isOn = Boolean(state.facets.get(facet.id)?.has(item.value));
        item.input.checked = isOn;
        item.count.textContent = grouped(count);
        item.node.classList.toggle("zero", !count);
        const isAlways = facet === SEVERITY || (facet === VERDICT && data.verdicts.includes(item.value));
        item.node.hidden = (!isAlways && !count && !isOn) || (narrow !== "" && !labelOf(facet, item.value).toLowerCase().includes(narrow));
      });
    });
  };
  const drawChips = () => {
    const chips = [];
    const chip = (label, value, drop) => chips.push(button(el("span", null, label + ": ", bdi(value), " ", el("span", { "aria-hidden": "true" }, "×")), drop, { class: "chip", "aria-label": "Drop the filter " + label + ": " + value }));
    if (state.q.trim()) chip("Search", state.q.trim(), () => step({ q: "" }));
    for (const facet of FACETS) for (const value of state.facets.get(facet.id) || []) chip(facet.label, labelOf(facet, value) + (facet.values.includes(value) ? "" : " (not in this report)"), () => choose(facet, value, false));
    if (state.day) chip("Exposed on", state.day, () => step({ day: "" }));
    if (chips.length) chips.push(button("Clear all", () => { step({ q: "", day: "", facets: new Map() }); $("q").focus(); }, { class: "clear" }));
    $("chips").replaceChildren(...chips);
  };

  const drawGrid = (view) => {
    const grid = $("grid");
    grid.className = state.view;
    grid.caption.textContent = view.noun + "s, as chosen above";
    const head = view.columns.map((column) => {
      const isUp = state.sort === column.id, isDown = state.sort === "-" + column.id;
      if (column.unsorted) return el("th", { scope: "col" }, column.title);
      const arrow = el("span", { class: "arrow", "aria-hidden": "true" }, isUp ? "↑" : isDown ? "↓" : "↕");
      const press = () => { const sort = isUp ? "-" + column.id : column.id; step({ sort }); $("grid").querySelector('[data-column="' + column.id + '"]').focus(); };
      return el("th", { scope: "col", class: column.n ? "n" : null, "aria-sort": isUp ? "ascending" : isDown ? "descending" : "none" }, button(el("span", null, column.title, "\u00a0", arrow), press, { "data-column": column.id }));
    });
    grid.tHead.replaceChildren(el("tr", null, ...head));
    const from = (state.page - 1) * PAGE[state.view];
    const rows = [...shown.subarray(from, from + PAGE[state.view])].map((row) =>
      el("tr", { "data-row": row }, ...view.columns.map((column) => el(column.head ? "th" : "td", { scope: column.head ? "row" : null, class: [column.n && "n", column.wide && "wide-cell"].filter(Boolean).join(" ") || null, "data-label": column.title }, column.cell(row)))));
    grid.tBodies[0].replaceChildren(...rows);
    if (!rows.length) grid.tBodies[0].append(el("tr", { class: "none" }, el("td", { colspan: view.columns.length }, "Nothing fits. Drop a filter above.")));
    highlight();
  };
  // Marks what was searched for, without touching the text.
  const highlight = () => {
    if (!window.CSS?.highlights || !window.Highlight) return;
    CSS.highlights.delete("found");
    const terms = state.q.toLowerCase().split(/\s+/).filter((term) => term.length > 1);
    if (!terms.length) return;
    const ranges = [];
    const walker = document.createTreeWalker($("grid").tBodies[0], NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const text = node.data.toLowerCase();
      if (text.length !== node.data.length) continue;
      for (const term of terms) for (let at = text.indexOf(term); at !== -1; at = text.indexOf(term, at + term.length)) {
        const range = new Range();
        range.setStart(node, at);
        range.setEnd(node, at + term.length);
        ranges.push(range);
      }
    }
    CSS.highlights.set("found", new Highlight(...ranges));
  };
  const drawPager = (pages) => {
    const to = (label, page, isOff) => button(label, () => { step({ page }); $("explore").scrollIntoView({ behavior: "instant" }); $("count").focus({ preventScroll: true }); }, { disabled: isOff ? "" : null });
    $("pager").hidden = pages < 2;
    $("pager").replaceChildren(to("First", 1, state.page === 1), to("Previous", state.page - 1, state.page === 1), el("span", null, "Page " + grouped(state.page) + " of " + grouped(pages)), to("Next", state.page + 1, state.page === pages), to("Last", pages, state.page === pages));
  };

  // ---- days

  const DAY = Math.max(2, Math.min(10, Math.floor(330 / Math.max(1, data.window.days))));
  const strip = (subject, size = DAY) => {
    const days = daysOf(subject);
    if (!days) return soft("no day was looked at");
    const height = Math.max(12, size), shapes = [];
    for (let at = 0; at < days.length;) {
      let end = at;
      while (days[end] === days[at]) end++;
      const gap = size > 4 ? 1 : 0;
      let path = "";
      for (let day = at; day < end; day++) path += "M" + day * size + " 0h" + (size - gap) + "v" + height + "h-" + (size - gap) + "z";
      shapes.push(svg("path", { class: "day " + data.states[Number(days[at])], d: path }));
      at = end;
    }
    const words = data.states.map((state) => [state, countDays(subject, state)]).filter(([, count]) => count).map(([state, count]) => plural(count, "day") + " " + inWordsOf(state));
    return svg("svg", { class: "strip", viewBox: "0 0 " + days.length * size + " " + height, width: days.length * size, height, role: "img", "aria-label": words.join(", "), "data-subject": subject }, ...shapes);
  };
  // All tables that fit, day by day.
  const drawDays = () => {
    const into = $("over-days");
    if (state.view !== "days" || !data.window.days) {
      into.replaceChildren(...(state.view === "days" ? [el("p", { class: "soft" }, "No day was looked at: days need recovery points or the packs of a ledger.")] : []));
      return;
    }
    const { days: count } = data.window, height = 96, width = 100 / count;
    const sums = Array.from({ length: count }, () => data.states.map(() => 0));
    let observed = 0;
    for (const table of shown) {
      const days = daysOf(table);
      if (!days) continue;
      observed++;
      for (let day = 0; day < count; day++) sums[day][days.charCodeAt(day) - 48]++;
    }
    const bars = sums.map((sum, day) => {
      const x = (day * width).toFixed(2) + "%", wide = (width * 0.92).toFixed(2) + "%";
      let y = height;
      const rects = sum.map((part, number) => {
        const tall = observed ? (part / observed) * height : 0;
        y -= tall;
        return part ? svg("rect", { class: "day " + data.states[number], x, width: wide, y: y.toFixed(2), height: tall.toFixed(2) }) : null;
      });
      const words = dayAt(day) + ": " + (sum.map((part, number) => grouped(part) + " " + inWordsOf(data.states[number])).filter((_, number) => sum[number]).join(", ") || "no table");
      const press = () => step({ day: state.day === dayAt(day) ? "" : dayAt(day) });
      const node = svg("g", { class: state.day === dayAt(day) ? "chosen" : null, tabindex: "0", role: "button", "aria-pressed": String(state.day === dayAt(day)), "aria-label": words, "data-day": dayAt(day) }, svg("rect", { class: "hit", x, width: wide, height }), ...rects, svg("title", null, words));
      node.addEventListener("click", press);
      node.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); press(); $("over-days").querySelector('[data-day="' + dayAt(day) + '"]').focus(); } });
      return node;
    });
    const each = Math.max(1, Math.ceil(count / 84)) * (count > 12 ? 7 : 1);
    const labels = sums.map((_, day) => (day % each === 0 ? svg("text", { x: (day * width).toFixed(2) + "%", y: height + 16 }, dayAt(day).slice(5)) : null));
    into.replaceChildren(
      el("p", { class: "soft" }, grouped(observed) + " of these tables by day. Select a day to keep the tables that were exposed on it."),
      svg("svg", { class: "day-columns", width: "100%", height: height + 22, role: "group", "aria-label": "Tables by state on each day" }, ...bars, ...labels),
      el("ul", { class: "key" }, ...data.states.map((one) => el("li", { class: "day " + one }, inWordsOf(one)))),
    );
  };
  const tip = (event) => {
    const node = event.target.closest?.(".strip");
    $("tip").hidden = !node;
    if (!node) return;
    const days = daysOf(Number(node.dataset.subject)), box = node.getBoundingClientRect();
    const day = Math.max(0, Math.min(days.length - 1, Math.floor(((event.clientX - box.left) / box.width) * days.length)));
    $("tip").textContent = dayAt(day) + " " + inWordsOf(data.states[Number(days[day])]);
    $("tip").style.left = Math.min(event.clientX + 12, window.innerWidth - 180) + "px";
    $("tip").style.top = event.clientY + 16 + "px";
  };

  // ---- one subject, one finding: the evidence behind a verdict

  const dialog = $("detail");
  let cameFrom = null;
  const openDetail = (subject, on) => {
    if (!dialog.open) cameFrom = document.activeElement;
    Object.assign(state, { open: subjects.arn[subject], on });
    remember(!dialog.open);
    drawDetail();
  };
  const closeDetail = () => {
    Object.assign(state, { open: "", on: "" });
    remember(true);
    drawDetail();
  };
  const findSubject = () => {
    if (!state.open) return -1;
    let any = -1;
    for (let subject = subjects.arn.indexOf(state.open); subject !== -1; subject = subjects.arn.indexOf(state.open, subject + 1)) {
      if (!state.on || findFinding(subject) !== -1) return subject;
      any = subject;
    }
    return any;
  };
  const findingsOf = (subject) => {
    if (subject < tableCount) return Array.from({ length: firstOf[subject + 1] - firstOf[subject] }, (_, at) => firstOf[subject] + at);
    const rows = [];
    for (let row = tableFindings; row < findings.count; row++) if (findings.subject[row] === subject) rows.push(row);
    return rows;
  };
  const findFinding = (subject) => findingsOf(subject).find((row) => rule(row).id === state.on) ?? -1;
  const drawDetail = () => {
    const subject = findSubject();
    if (subject === -1) {
      if (dialog.open) dialog.close();
      dialog.replaceChildren();
      return;
    }
    const finding = state.on ? findFinding(subject) : -1;
    dialog.replaceChildren(...(finding === -1 ? aboutSubject(subject) : aboutFinding(finding)));
    if (!dialog.open) dialog.showModal();
    dialog.scrollTop = 0;
    dialog.querySelector("h2").focus();
  };
  dialog.addEventListener("close", () => {
    if (state.open) closeDetail();
    // The row may have been drawn anew meanwhile.
    if (cameFrom?.isConnected) cameFrom.focus();
    cameFrom = null;
  });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });

  const section = (title, ...children) => el("section", null, el("h3", null, title), ...children);
  const top = (...crumbs) => el("div", { class: "detail-top" }, el("p", { class: "crumbs" }, ...crumbs.flatMap((crumb, place) => (place ? [el("span", { "aria-hidden": "true" }, " › "), crumb] : [crumb]))), button("Close", () => dialog.close(), { class: "close" }));
  const about = (subject) => el("dl", { class: "pairs" },
    ...[["ARN", bdi(subjects.arn[subject])], ["Account", accountOf(subject)], ["Region", subjects.region[subject]], ["Tier", subject < tableCount && hasFact("policy_tier") ? tier(subject) : ""]]
      .filter(([, value]) => value).map(([name, value]) => el("div", null, el("dt", null, name), el("dd", null, value))));
  // What a number means in words that people use; the number itself always stands beside it.
  const inWords = (fact, value) => {
    if (typeof value !== "number") return "";
    if (fact.name.includes("retention") && value === 36500) return "for ever";
    if (fact.unit === "bytes" && value >= 1000) { const step = Math.min(5, Math.floor(Math.log10(value) / 3)); return (value / 1000 ** step).toPrecision(3).replace(/\.?0+$/, "") + " " + ["B", "kB", "MB", "GB", "TB", "PB"][step]; }
    if (fact.unit === "hours" && value >= 48) return (value / 24).toFixed(1) + " days";
    if (fact.unit === "minutes" && value >= 120) return (value / 60).toFixed(1) + " hours";
    return "";
  };
  const factRow = (number, value) => {
    const fact = data.facts[number], words = inWords(fact, value);
    const unit = fact.unit && typeof value === "number" && fact.unit !== "count" && fact.unit !== "rank" ? " " + fact.unit : "";
    return el("tr", null,
      el("th", { scope: "row" }, el("code", null, ...fact.name.split(/(?<=_)/).flatMap((part) => [part, el("wbr")]))),
      el("td", { class: "value" }, isKnownNone(value) ? soft(show(value)) : isMissing(value) ? el("span", null, tag("unknown"), " ", soft(show(value))) : bdi(show(value) + unit), words ? el("span", { class: "soft block" }, words) : null),
      el("td", null, fact.means, fact.source ? el("span", { class: "soft block" }, "from " + fact.source) : null));
  };
  const factTable = (title, rows) => el("table", { class: "facts" }, el("caption", { class: "vh" }, title), el("thead", null, el("tr", null, ...["Fact", "Value", "What it says"].map((name) => el("th", { scope: "col" }, name)))), el("tbody", null, ...rows));

  const aboutFinding = (row) => {
    const subject = findings.subject[row], r = rule(row), accepted = data.waivers.find((one) => one.id === waiver(row));
    const rows = shown.indexOf(row), neighbour = (by) => (state.view === "findings" && rows !== -1 ? shown[rows + by] : undefined);
    const go = (label, by) => button(label, () => openDetail(findings.subject[neighbour(by)], rule(neighbour(by)).id), { disabled: neighbour(by) === undefined ? "" : null });
    const [, , , , , , reads, commands] = kinds[findings.kind[row]];
    return [
      top(button(bdi(subjects.name[subject]), () => openDetail(subject, ""), { class: "opener" }), el("a", { href: "#rule=" + encodeURIComponent(r.id) }, el("code", null, r.id))),
      el("h2", { id: "detail-h", tabindex: "-1" }, r.title || r.id),
      el("p", { class: "lead" }, judged(row), " ", el("span", { class: "severity " + severity(row) }, severity(row)), " ", bdi(message(row))),
      isWaived(row) ? waived(accepted, waiver(row)) : null,
      verdict(row) === "non-compliant" && r.remedy ? el("p", { class: "remedy" }, el("strong", null, "What to do: "), r.remedy) : null,
      verdict(row) === "unknown" ? el("p", { class: "remedy" }, el("strong", null, "Not known: "), "the line above says why. What could not be read, if anything, is listed in “Coverage and gaps”, with how to let it be read.") : null,
      about(subject),
      section("Evidence", reads.length ? factTable("Evidence", reads.map((fact) => factRow(fact, evidence(row, fact)))) : el("p", { class: "soft" }, "The rule read no fact.")),
      section("The rule", r.rationale ? el("p", null, r.rationale) : null, r.applies ? el("p", { class: "condition" }, soft("asks if "), el("code", null, r.applies)) : null, r.compliant ? el("p", { class: "condition" }, soft("compliant if "), el("code", null, r.compliant)) : null),
      r.controls.length ? section("Controls it gives evidence for", el("dl", { class: "pairs" }, ...r.controls.map(([framework, list]) => el("div", null, el("dt", null, framework), el("dd", null, list)))), el("p", { class: "soft" }, "In brackets: supporting.")) : null,
      commands.length ? section("Check it by hand", commandBox(commands.map((line) => phrase(row, line)))) : null,
      ids.get(row) ? el("p", { class: "soft" }, "Finding ", el("code", null, ids.get(row))) : null,
      el("p", { class: "walk" }, go("Previous finding", -1), go("Next finding", 1)),
    ].filter(Boolean);
  };
  const waived = (accepted, id) => el("div", { class: "waiver" }, el("strong", null, "Waived", id ? " by " : "", id ? bdi(id) : ""), accepted ? el("dl", { class: "pairs" },
    ...[["Reason", accepted.reason], ["Instead", accepted.instead], ["Asked for by", accepted.requester], ["Approved by", accepted.approver + " on " + accepted.approved], ["Until", accepted.until], ["Ticket", accepted.ticket]]
      .filter(([, text]) => text).map(([name, text]) => el("div", null, el("dt", null, name), el("dd", null, bdi(text))))) : null);
  const commandBox = (lines) => {
    const code = el("pre", { tabindex: "0", role: "region", "aria-label": "Lines for the AWS CLI" }, lines.join("\n"));
    const said = el("span", { role: "status", class: "soft" });
    return el("div", { class: "commands" }, code, el("p", null, button("Copy", () => { said.textContent = copy(code) ? "Copied." : "Selected: copy with Ctrl+C or ⌘C."; }), " ", said));
  };
  // By selecting: works from a file, without a permission, and leaves the text selected where copying is refused.
  const copy = (node) => {
    const selection = getSelection();
    selection.removeAllRanges();
    const range = new Range();
    range.selectNodeContents(node);
    selection.addRange(range);
    try { return document.execCommand("copy"); } catch { return false; }
  };

  // What the PDF says of a table that needs action, in the same words.
  const blockOf = (subject, rows) => {
    if (subject >= tableCount || !worst.has(subject)) return null;
    const [since, newest, plan, jobs, what, owner, due] = data.blocks[worst.get(subject)].slice(1).map((text) => texts[text]);
    const why = rows.filter((row) => verdict(row) === "non-compliant" && isRequired(row) && !isWaived(row));
    const lines = el("ul", { class: "why" }, ...why.map((row) => el("li", null, el("code", null, rule(row).id), " ", bdi(message(row)))));
    const answerable = [owner, due ? "due " + due : ""].filter(Boolean).join(", ");
    return el("dl", { class: "pairs in-short" },
      ...[["Exposed", since && el("strong", null, since)], ["Newest point", newest], ["Plan", plan], ["Why", why.length ? lines : ""], ["Jobs", jobs], ["What to do", what && el("strong", null, what)], ["Owner", answerable]]
        .filter(([, value]) => value).map(([name, value]) => el("div", null, el("dt", null, name), el("dd", null, value instanceof Node ? value : bdi(value)))));
  };
  const aboutSubject = (subject) => {
    const isTable = subject < tableCount;
    const rows = findingsOf(subject).sort((a, b) => kindRank[findings.kind[a]] - kindRank[findings.kind[b]]);
    const item = (row) => el("tr", null, el("td", null, judged(row)), el("td", null, el("span", { class: "severity " + severity(row) }, severity(row))), el("th", { scope: "row" }, button(el("code", null, rule(row).id), () => openDetail(subject, rule(row).id), { class: "opener" })), el("td", null, bdi(message(row))));
    const days = daysOf(subject);
    return [
      top(soft(subjects.kind[subject])),
      el("h2", { id: "detail-h", tabindex: "-1" }, bdi(subjects.name[subject])),
      isTable ? el("p", { class: "lead" }, ...[0, 1, 2].flatMap((question) => [data.question_words[question] + " ", answerTag(answerOf(subject, question)), " · "]), plural(openOf[subject], "open finding"), ", ", grouped(unknownOf[subject]), " unknown") : null,
      blockOf(subject, rows),
      about(subject),
      days ? section("Days", el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Days" }, strip(subject, Math.max(3, Math.min(16, Math.floor(Math.min(620, window.innerWidth - 48) / days.length))))), spells(days)) : null,
      section("Findings", el("table", { class: "findings" }, el("caption", { class: "vh" }, "Findings"), el("thead", null, el("tr", null, ...["Verdict", "Severity", "Rule", "Found"].map((name) => el("th", { scope: "col" }, name)))), el("tbody", null, ...rows.map(item)))),
      isTable ? section("Every fact", factTable("Every fact", data.tables.facts.map((_, fact) => factRow(fact, valueOf(subject, fact))))) : null,
    ].filter(Boolean);
  };
  // The days that were not covered, in words.
  const spells = (days) => {
    const items = [];
    for (let at = 0; at < days.length;) {
      let end = at;
      while (days[end] === days[at]) end++;
      const one = data.states[Number(days[at])];
      if (one !== "covered") items.push(el("li", null, dayAt(at) + (end - at > 1 ? " to " + dayAt(end - 1) : "") + ": " + inWordsOf(one)));
      at = end;
    }
    return items.length ? el("ul", { class: "spells" }, ...items) : el("p", { class: "soft" }, "Covered on every day from " + dayAt(0) + " to " + dayAt(days.length - 1) + ".");
  };

  // ---- paper: what is chosen is what is printed; without a choice, the open findings that stand in the page

  const printed = { rows: $("open-rows") ? [...$("open-rows").children] : [], note: $("open-note").textContent };
  const isChosen = () => state.q.trim() || state.day || [...state.facets.values()].some((wanted) => wanted.size);
  const beforePrint = () => {
    if (state.view !== "findings" || !isChosen() || !$("open-rows")) return;
    const rows = shown.subarray(0, OPEN_PRINTED);
    $("open-rows").replaceChildren(...Array.from(rows, (row) => {
      const subject = findings.subject[row];
      return el("tr", null,
        el("td", null, judged(row), el("br"), soft(severity(row))),
        el("th", { scope: "row" }, subjects.kind[subject] === "table" ? null : soft(subjects.kind[subject] + " "), bdi(subjects.name[subject]), el("br"), soft([subjects.account[subject], subjects.region[subject]].filter(Boolean).join(", "))),
        el("td", null, el("code", null, rule(row).id)),
        el("td", null, bdi(message(row)), ...(verdict(row) === "non-compliant" && rule(row).remedy ? [el("br"), soft(rule(row).remedy)] : [])));
    }));
    const chosen = [...$("chips").querySelectorAll(".chip bdi")].map((node) => node.parentNode.textContent.replace(/ ×$/, "")).join("; ");
    $("open-note").textContent = "Chosen by " + chosen + ": " + plural(shown.length, "finding") + (shown.length > OPEN_PRINTED ? ", of which the first " + grouped(OPEN_PRINTED) + " follow." : ".");
  };
  const afterPrint = () => {
    if ($("open-rows")) $("open-rows").replaceChildren(...printed.rows);
    $("open-note").textContent = printed.note;
  };

  // ---- what people do

  const apply = () => { state = parse(window.location.hash); draw(); drawDetail(); };
  const isView = (address) => address.includes("=");
  $("q").addEventListener("input", () => step({ q: $("q").value }, true));
  $("search").addEventListener("submit", (event) => event.preventDefault());
  $("sort").addEventListener("change", () => step({ sort: $("sort").value }));
  for (const node of document.querySelectorAll("[data-view]")) node.addEventListener("click", () => step({ view: node.dataset.view, sort: "", day: node.dataset.view === "findings" ? "" : state.day }));
  window.addEventListener("popstate", () => { if (isView(window.location.hash) || !window.location.hash) apply(); });
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('a[href^="#"]');
    const day = link && event.target.closest("[data-day]")?.dataset.day;
    const address = (link?.getAttribute("href") ?? "") + (day ? "&day=" + day : "");
    if (!isView(address)) return;
    event.preventDefault();
    state = parse(address);
    remember(true);
    draw();
    cameFrom = null;
    drawDetail();
    $("explore").scrollIntoView({ behavior: "instant" });
    $("explore").focus({ preventScroll: true });
  });
  $("grid").tBodies[0].addEventListener("click", (event) => {
    const row = event.target.closest("tr[data-row]");
    if (!row || event.target.closest("a, button") || !getSelection().isCollapsed) return;
    row.querySelector(".opener").focus();
    row.querySelector(".opener").click();
  });
  $("grid").addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const openers = [...$("grid").querySelectorAll("tbody .opener")], at = openers.indexOf(document.activeElement);
    const next = openers[at + (event.key === "ArrowDown" ? 1 : -1)];
    if (at === -1 || !next) return;
    event.preventDefault();
    next.focus();
  });
  $("link").addEventListener("click", () => {
    const address = el("span", { class: "vh" }, window.location.href);
    $("link").after(address);
    $("link").textContent = copy(address) ? "Copied" : "Copy the address above";
    address.remove();
    setTimeout(() => { $("link").textContent = "Copy link"; }, 2000);
  });
  document.addEventListener("pointermove", tip);
  window.addEventListener("beforeprint", beforePrint);
  window.addEventListener("afterprint", afterPrint);
  const THEMES = ["system", "light", "dark"];
  $("theme").addEventListener("click", () => {
    const next = THEMES[(THEMES.indexOf(document.documentElement.dataset.theme || "system") + 1) % THEMES.length];
    document.documentElement.dataset.theme = next;
    $("theme").textContent = "Theme: " + next;
  });

  $("facet-list").append(...groups.map((group) => group.node));
  if (window.matchMedia("(max-width: 60rem)").matches) $("facets").open = false;
  $("theme").hidden = false;
  $("app").hidden = false;
  document.documentElement.classList.add("scripted");
  state = parse(window.location.hash);
  draw();
  if (isView(window.location.hash) && !state.open) $("explore").scrollIntoView({ behavior: "instant" });
  drawDetail();
  // The long texts of the search are made while nobody waits.
  (window.requestIdleCallback || setTimeout)(() => indexed());
})();
