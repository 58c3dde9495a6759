"use strict";
(() => {
  const D = JSON.parse(document.getElementById("data").textContent);
  const W = D.words;
  const ROW = 52;
  const SPARE = 12;
  const PRINTED = 200; // rows
  const PAPER = 1000; // px, A4 landscape within its margins
  const root = document.documentElement;
  const plural = new Intl.PluralRules(D.language);
  const collator = new Intl.Collator(D.language, { numeric: true, sensitivity: "base" });
  const days = new Intl.DateTimeFormat(D.language, { dateStyle: "medium", timeZone: "UTC" });

  // ---- pieces: everything reaches the page as text, never as markup ----

  function el(tag, props, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(props || {})) {
      if (value === undefined || value === null || value === false) continue;
      if (name === "class") node.className = value;
      else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
    return node;
  }

  function svg(tag, props, ...children) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(props || {})) node.setAttribute(name, value);
    node.append(...children);
    return node;
  }

  const say = (key, parts) => W[key].replace(/\{(\w+)\}/g, (_, name) => parts[name]);
  const counted = (key, n) => {
    const forms = D.counted[key];
    return (forms[plural.select(n)] || forms.other).replace("{n}", number(n, 0));
  };
  const number = (n, digits) => {
    const [whole, part] = Math.abs(n).toFixed(digits).split(".");
    const grouped = whole.replace(/\B(?=(\d{3})+$)/g, "\u00a0");
    const sign = n < 0 && Number(n.toFixed(digits)) !== 0 ? "\u2212" : "";
    return sign + grouped + (part ? D.decimal + part : "");
  };
  const signed = (n) => (n > 0 ? "+" : "") + number(n, 1);
  const percent = (share) => number(100 * share, share < 0.1 ? 1 : 0) + "\u00a0%";
  const money = (n) => number(n, 0) + "\u00a0" + D.currency;
  const compact = new Intl.NumberFormat(D.language, { notation: "compact", maximumSignificantDigits: 3 });
  const brief = (n) => compact.format(n);
  const day = (text) => days.format(new Date(text + "T00:00:00Z"));

  // ---- columns ----

  const has = (name) => name in D.columns;
  function get(name, row) {
    const column = D.columns[name];
    if (!column) return null;
    if (column.n) return column.n[row];
    if (column.d) return column.d[row];
    return column.i[row] < 0 ? null : column.t[column.i[row]];
  }
  const name = (row) => get("account_name", row) || get("account_id", row);
  const coded = (column, code) => (D.codes[column] && D.codes[column][code]) || code;
  const sum = (column) => D.columns[column].n.reduce((total, n) => total + (n || 0), 0);
  const activity = (row) => D.activity[row].split(",").map(Number);

  const TONES = {
    mqa: "good", accepted: "accent", recycled: "warn", rejected: "warn", expired: "bad", none: "",
    A: "good", B: "accent", C: "warn", D: "",
  };
  const pill = (text, tone) => el("span", { class: "pill " + (tone || ""), title: text }, text);

  function meter(score) {
    const fill = el("span");
    fill.style.width = Math.max(0, Math.min(100, score)) + "%";
    return el("div", { class: "meter" }, el("b", {}, number(score, 1)), el("i", { "aria-hidden": "true" }, fill));
  }

  function change(row) {
    const points = get("score_change", row);
    if (points === null) return "";
    const tone = points > 0 ? "up" : points < 0 ? "down" : "flat";
    return el("span", { class: tone }, signed(points));
  }

  function spark(weeks) {
    const top = Math.max(1, ...weeks);
    let path = "";
    weeks.forEach((n, i) => {
      if (n) path += `M${i * 4} 24v${-Math.max(2, (22 * n) / top)}h3v${Math.max(2, (22 * n) / top)}z`;
    });
    const total = weeks.reduce((a, b) => a + b, 0);
    const recent = weeks.slice(-4).reduce((a, b) => a + b, 0);
    return svg("svg", {
      class: "spark", viewBox: "0 0 103 26", preserveAspectRatio: "none", role: "img",
      "aria-label": say("activity_text", { total: counted("interactions", total), recent: number(recent, 0) }),
    }, svg("path", { class: "base", d: "M0 24.5h103v1h-103z" }), svg("path", { d: path }));
  }

  function who(row) {
    const below = [get("sector", row), get("country", row), get("domain", row)].filter(Boolean).join(" · ");
    return [
      el("button", { type: "button", tabindex: "-1", "aria-label": say("open", { name: name(row) }) }, name(row)),
      below ? el("small", {}, below) : null,
    ];
  }

  const heading = (column) =>
    column === "activity" ? W.activity_column : column === "reason_1" ? W.top_reason : D.headings[column] || W.table;

  /* [column of the list, width in px (of the name: at least), class, cell, how soon it gives way when room is short] */
  const SHOWN = [
    ["rank", 74, "num", (row) => number(get("rank", row), 0), 0],
    ["account_name", 210, "who", who, 0],
    ["tier", 128, "", (row) => (get("tier", row) ? pill(get("tier", row)) : ""), 4],
    ["grade", 68, "", (row) => pill(get("grade", row) || "", TONES[get("grade", row)]), 6],
    ["score", 128, "", (row) => (get("score", row) === null ? "" : meter(get("score", row))), 0],
    ["score_change", 96, "num", change, 3],
    ["mqa_status", 150, "", (row) => {
      const code = get("mqa_status", row);
      return code && code !== "none" ? pill(coded("mqa_status", code), TONES[code]) : "";
    }, 1],
    ["conversion_probability", 110, "num", (row) => orEmpty("conversion_probability", row, percent), 5],
    ["expected_value", 100, "num", (row) => orEmpty("expected_value", row, brief), 4],
    ["reason_1", 210, "reason", (row) => el("span", {}, get("reason_1", row) || ""), 2],
    ["activity", 110, "", (row) => spark(activity(row)), 7],
    ["owner_id", 120, "", (row) => get("owner_id", row) || "", 8],
  ].filter(([column]) => (column === "activity" ? D.activity : column === "account_name" || has(column)))
    .map(([column, width, ...rest]) => [column, Math.max(width, room(heading(column))), ...rest]);

  /* What the longest word of a heading needs, the sign of the sort included. */
  function room(text) {
    return 30 + 7.6 * Math.max(...text.split(" ").map((word) => word.length));
  }

  /* The columns that a width has room for; the name and the score always stay. */
  function fitting(room) {
    const kept = [...SHOWN];
    const needed = () => kept.reduce((total, [, width]) => total + width, 0);
    while (room && needed() > room) {
      const last = Math.max(...kept.map(([, , , , yields]) => yields));
      if (!last) break;
      kept.splice(kept.findIndex(([, , , , yields]) => yields === last), 1);
    }
    return kept;
  }

  function orEmpty(column, row, form) {
    const value = get(column, row);
    return value === null ? "" : form(value);
  }
  const isNumber = (column) => D.columns[column] && Boolean(D.columns[column].n);

  // ---- filtering and sorting ----

  const FILTERS = ["tier", "grade", "mqa_status", "owner_id", "sector", "region", "country"].filter(
    (column) => has(column) && D.columns[column].t && D.columns[column].t.length > 1,
  );
  const SEARCHED = ["account_name", "account_id", "domain", "reason_1", "reason_2", "reason_3", "reason_4"].filter(
    (column) => has(column) && D.columns[column].t,
  );
  const state = { query: "", chosen: {}, sort: "rank", down: false, rows: [], cursor: 0, open: null };
  const plain = (text) => (/[^\x00-\x7f]/.test(text) ? text.normalize("NFD").replace(/\p{M}/gu, "") : text).toLowerCase();
  const folded = {};
  const texts = (column) => (folded[column] ||= D.columns[column].t.map(plain));

  function matching(word) {
    return SEARCHED.map((column) => [D.columns[column].i, texts(column).map((text) => text.includes(word))]);
  }

  function filtered() {
    const words = plain(state.query).split(/\s+/).filter(Boolean).map(matching);
    const wanted = FILTERS.filter((column) => state.chosen[column]).map((column) => {
      const one = D.columns[column];
      return [one.i, one.t.indexOf(state.chosen[column])];
    });
    const rows = [];
    for (let row = 0; row < D.n; row++) {
      if (
        wanted.every(([codes, code]) => codes[row] === code) &&
        words.every((columns) => columns.some(([codes, hits]) => codes[row] >= 0 && hits[codes[row]]))
      ) rows.push(row);
    }
    return rows;
  }

  const known = {};
  const keys = (column) => (known[column] ||= ordered(column));

  /* The language's own order takes too long for thousands of names; without accents and capitals it is nearly the same. */
  function alphabetical(texts) {
    if (texts.length < 1000) return [...texts].sort(collator.compare);
    return texts.map((text) => [plain(text), text]).sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0)).map(([, text]) => text);
  }

  function ordered(column) {
    if (column === "activity") {
      return D.activity.map((cell) => cell.split(",").slice(-4).reduce((total, n) => total + Number(n), 0));
    }
    const one = D.columns[column] || D.columns.account_id;
    if (one.n) return one.n;
    const texts = one.t || [...new Set(one.d)].filter(Boolean);
    const place = new Map(alphabetical(texts).map((text, i) => [text, i]));
    return one.d ? one.d.map((text) => (text ? place.get(text) : null))
      : one.i.map((code) => (code < 0 ? null : place.get(one.t[code])));
  }

  function sorted(rows) {
    if (state.sort === "rank" && !state.down) return rows;
    const key = keys(state.sort);
    const sign = state.down ? -1 : 1;
    return rows.sort((a, b) => {
      if (key[a] === null || key[b] === null) return (key[a] === null) - (key[b] === null) || a - b;
      return sign * (key[a] - key[b]) || a - b;
    });
  }

  function refresh() {
    state.rows = sorted(filtered());
    state.cursor = 0;
    scroller.scrollTop = 0;
    status.textContent = say("shown", { n: number(state.rows.length, 0), total: number(D.n, 0) });
    empty.hidden = state.rows.length > 0;
    table.setAttribute("aria-rowcount", state.rows.length + 1);
    for (const [column, select] of Object.entries(selects)) select.classList.toggle("on", Boolean(state.chosen[column]));
    marked();
    draw(true);
  }

  function marked() {
    for (const th of heads.children) {
      const direction = th.dataset.column !== state.sort ? null : state.down ? "descending" : "ascending";
      if (direction) th.setAttribute("aria-sort", direction);
      else th.removeAttribute("aria-sort");
    }
  }

  function choose(column, value) {
    state.chosen = { [column]: value };
    state.query = search.value = "";
    for (const [one, select] of Object.entries(selects)) select.value = one === column ? value : "";
    refresh();
    show("list");
  }

  // ---- the table: only rows in view exist ----

  let from = -1;
  let to = -1;
  const paper = matchMedia("print");
  let printing = false;
  function draw(force) {
    const n = state.rows.length;
    const all = printing || paper.matches;
    const first = all ? 0 : Math.max(0, Math.floor(scroller.scrollTop / ROW) - SPARE);
    const last = all ? Math.min(n, PRINTED) : Math.min(n, Math.ceil((scroller.scrollTop + scroller.clientHeight) / ROW) + SPARE);
    if (!force && first === from && last === to) return;
    [from, to] = [first, last];
    const focused = body.contains(document.activeElement);
    // Rows that stay in view stay as they are: a click that is under way would be lost with its row.
    const kept = new Map();
    for (const tr of body.querySelectorAll("tr.row")) {
      const i = Number(tr.dataset.i);
      if (force || i < first || i >= last) tr.remove();
      else kept.set(i, tr);
    }
    let place = above;
    for (let i = first; i < last; i++) {
      const tr = kept.get(i) || line(i);
      if (!kept.has(i)) place.after(tr);
      place = tr;
    }
    stretch(above, first * ROW);
    stretch(below, all ? 0 : (n - last) * ROW);
    if (focused && !body.contains(document.activeElement)) focusRow(false);
  }

  /* Which rows are the open one and the one that the keyboard is on. */
  function mark() {
    for (const tr of body.querySelectorAll("tr.row")) {
      const i = Number(tr.dataset.i);
      if (state.rows[i] === state.open) tr.setAttribute("aria-current", "true");
      else tr.removeAttribute("aria-current");
      tr.querySelector("button").tabIndex = i === state.cursor ? 0 : -1;
    }
  }

  function stretch(spacer, height) {
    spacer.firstChild.colSpan = columns.length;
    spacer.firstChild.style.height = height + "px";
    spacer.hidden = height <= 0;
  }

  function line(i) {
    const row = state.rows[i];
    const cells = columns.map(([column, , style, cell]) =>
      el(column === "account_name" ? "th" : "td",
        { class: style, scope: column === "account_name" ? "row" : null, title: column === "reason_1" ? get(column, row) : null },
        cell(row)));
    const tr = el("tr", { class: "row", "aria-rowindex": i + 2, "data-i": i }, cells);
    if (state.open === row) tr.setAttribute("aria-current", "true");
    if (i === state.cursor) tr.querySelector("button").tabIndex = 0;
    return tr;
  }

  function focusRow(scroll) {
    const top = state.cursor * ROW;
    if (scroll) {
      const room = scroller.clientHeight - 40 - ROW;
      if (top < scroller.scrollTop) scroller.scrollTop = top;
      else if (top > scroller.scrollTop + room) scroller.scrollTop = top - room;
      draw(false);
      mark();
    }
    const button = body.querySelector(`tr[data-i="${state.cursor}"] button`);
    if (button) button.focus({ preventScroll: true });
    else scroller.focus({ preventScroll: true });
  }

  function move(event) {
    const page = Math.max(1, Math.floor(scroller.clientHeight / ROW) - 2);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (!(event.key in steps) || !state.rows.length) return;
    event.preventDefault();
    state.cursor = Math.max(0, Math.min(state.rows.length - 1, state.cursor + steps[event.key]));
    focusRow(true);
  }

  // ---- one account ----

  const facts = (pairs) => {
    const known = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
    return known.length ? el("dl", {}, known.map(([term, value]) => [el("dt", {}, term), el("dd", {}, value)])) : null;
  };
  const fact = (column, form) => {
    const value = get(column, state.open);
    return [D.headings[column] || column, value === null ? null : form ? form(value) : String(value)];
  };
  const section = (title, ...parts) => {
    const inside = parts.flat().filter(Boolean);
    return inside.length ? [el("h3", {}, title), ...inside] : [];
  };

  function reasons(row) {
    const slots = (prefix, count) => Array.from({ length: count }, (_, i) => `${prefix}_${i + 1}`);
    const told = (prefix, count) => slots(prefix, count).filter((slot) => get(slot, row));
    const strength = (slot) => Math.abs((D.contributions[slot] && D.contributions[slot][row]) || 0);
    const [good, bad] = [told("reason", 4), told("negative_reason", 2)];
    const top = Math.max(...[...good, ...bad].map(strength), 1e-9);
    const bars = (slots, style) => slots.length ? el("ul", { class: "why " + style }, slots.map((slot) => {
      const fill = el("span");
      fill.style.width = (100 * strength(slot)) / top + "%";
      return el("li", {}, el("span", { class: "said" }, get(slot, row)),
        strength(slot) ? el("span", { class: "track", "aria-hidden": "true" }, fill) : null);
    })) : null;
    const sub = (text) => el("p", { class: "note" }, text);
    if (!good.length && !bad.length) return [];
    return section(W.why,
      good.length ? [sub(W.for), bars(good, "for")] : [],
      bad.length ? [sub(W.against), bars(bad, "against")] : [],
      sub(W.reasons_note));
  }

  function group(row) {
    if (!has("roles_engaged") && !has("roles_missing")) return [];
    const split = (column) => (get(column, row) || "").split(";").map((role) => role.trim()).filter(Boolean);
    const [engaged, missing] = [split("roles_engaged"), split("roles_missing")];
    const role = (code) => coded("roles", code);
    const chips = [
      ...engaged.map((code) => el("li", { class: "pill good" }, `${role(code)}: ${W.engaged}`)),
      ...missing.map((code) => el("li", { class: "pill gap" }, `${role(code)}: ${W.missing}`)),
    ];
    return section(W.buying_group,
      facts([fact("known_contacts", (n) => number(n, 0)), fact("engaged_contacts", (n) => number(n, 0))]),
      chips.length ? el("ul", { class: "roles" }, chips) : null,
      missing.length ? null : el("p", { class: "note" }, W.group_complete));
  }

  function history(row) {
    if (!D.history) return [];
    const points = D.history.scores[row].map((score, i) => [i, score]).filter(([, score]) => score !== null);
    if (points.length < 2) return [];
    const width = Math.max(1, D.history.days.length - 1);
    const at = ([i, score]) => `${((300 * i) / width).toFixed(1)},${(85 - (80 * score) / 100).toFixed(1)}`;
    const [first, last] = [points[0], points[points.length - 1]];
    const label = say("history_text", { first: number(first[1], 1), last: number(last[1], 1) });
    const area = `M${at(first)} L${points.map(at).join(" L")} L${at(last).split(",")[0]},88 L${at(first).split(",")[0]},88z`;
    return section(W.history,
      svg("svg", { class: "line", viewBox: "0 0 300 90", preserveAspectRatio: "none", role: "img", "aria-label": label },
        svg("path", { class: "area", d: area }), svg("polyline", { points: points.map(at).join(" ") })),
      el("p", { class: "note" }, `${day(D.history.days[first[0]])} – ${day(D.history.days[last[0]])}: ${label}`));
  }

  function qualified(row) {
    const code = get("mqa_status", row);
    if (!code || code === "none") return [];
    const id = get("account_id", row);
    const tonight = ["new", "lost"].flatMap((kind) => D.changes[kind] || []).find((entry) => entry.id === id);
    return section(W.mqa, facts([
      fact("mqa_status", (value) => coded("mqa_status", value)), fact("mqa_since", day),
      fact("mqa_age_days", (n) => counted("days", n)), fact("mqa_reason"), [W.mqa_log, tonight ? tonight.why : null],
    ]));
  }

  function detail(row) {
    const id = get("account_id", row);
    const text = (column) => get(column, row);
    const sub = [text("domain"), text("sector"), text("country"), text("owner_id")].filter(Boolean).join(" · ");
    const pills = [
      pill("# " + number(get("rank", row), 0), "accent"),
      text("tier") ? pill(text("tier")) : null,
      text("grade") ? pill(text("grade"), TONES[text("grade")]) : null,
      text("mqa_status") && text("mqa_status") !== "none"
        ? pill(coded("mqa_status", text("mqa_status")), TONES[text("mqa_status")]) : null,
      text("score_trend") ? pill(coded("score_trend", text("score_trend"))) : null,
    ];
    const button = (label, sign, act) => el("button", { class: "ghost", type: "button", "aria-label": label, title: label, onclick: act }, sign);
    aside.replaceChildren(...[
      el("div", { class: "bar" }, button(W.previous, "↑", () => step(-1)), button(W.next, "↓", () => step(1)),
        button(W.close, "✕", close)),
      el("h2", { id: "who", tabindex: "-1" }, name(row)),
      el("p", { class: "sub" }, sub),
      el("div", { class: "pills" }, pills),
      text("score") === null ? null : el("p", { class: "hero" }, el("b", {}, number(text("score"), 1)), change(row)),
      text("change_reason") ? el("p", { class: "note" }, text("change_reason")) : null,
      ...reasons(row),
      ...(D.activity ? section(W.activity, spark(activity(row)), el("p", { class: "note" }, spark(activity(row)).getAttribute("aria-label"))) : []),
      ...group(row),
      ...qualified(row),
      ...history(row),
      ...section(W.figures, facts([
        fact("conversion_probability", (p) => {
          const [low, high] = [get("probability_low", row), get("probability_high", row)];
          return percent(p) + (low === null || high === null ? "" : ` (${percent(low)} – ${percent(high)})`);
        }),
        fact("expected_deal_value", money), fact("expected_value", money),
        fact("fit_score", (n) => number(n, 1)), fact("engagement_score", (n) => number(n, 1)),
        fact("score_previous", (n) => number(n, 1)), fact("last_activity_at", day), fact("last_sales_touch_at", day),
      ])),
      ...section(W.company, facts([
        ["account_id", (x) => x], ["parent_account_id", (x) => x], ["employee_count", (n) => number(n, 0)],
        ["annual_revenue", money], ["region", (x) => x], ["data_completeness", percent],
      ].map(([column, form]) => fact(column, form)))),
    ].filter(Boolean));
    aside.dataset.account = id;
  }

  let opener = null;
  function open(row, from) {
    opener = from || opener;
    state.open = row;
    detail(row);
    aside.hidden = false;
    aside.scrollTop = 0;
    document.body.classList.add("detail-open");
    draw(false);
    mark();
    document.getElementById("who").focus({ preventScroll: true });
  }

  function step(by) {
    const i = state.rows.indexOf(state.open) + by;
    if (i < 0 || i >= state.rows.length) return;
    state.cursor = i;
    const top = i * ROW;
    if (top < scroller.scrollTop || top > scroller.scrollTop + scroller.clientHeight - 2 * ROW) scroller.scrollTop = top - 3 * ROW;
    open(state.rows[i]);
  }

  function close() {
    if (aside.hidden) return;
    aside.hidden = true;
    document.body.classList.remove("detail-open");
    state.open = null;
    draw(false);
    mark();
    if (opener === "table" && !views.list.hidden) focusRow(true);
    else if (opener && opener.isConnected) opener.focus();
  }

  // ---- building the page ----

  const selects = {};
  const search = el("input", { type: "search", placeholder: W.search_hint, "aria-label": `${W.search}: ${W.search_hint}` });
  const status = el("p", { class: "status", role: "status", "aria-live": "polite" });
  const empty = el("p", { class: "empty", hidden: true }, W.nothing_found);
  const heads = el("tr", { "aria-rowindex": "1" });
  const widths = el("colgroup");
  const spacer = () => el("tr", { class: "spacer", "aria-hidden": "true" }, el("td"));
  const [above, below] = [spacer(), spacer()];
  const body = el("tbody", {}, above, below);
  const table = el("table", { class: "accounts" },
    el("caption", { class: "hidden" }, W.table),
    widths, el("thead", {}, heads), body);
  const scroller = el("div", { class: "scroller", tabindex: "0", role: "region", "aria-label": W.table }, table, empty);
  const aside = el("aside", { class: "detail", "aria-labelledby": "who", hidden: true });

  let columns = [];
  function arrange() {
    const next = fitting(printing || paper.matches ? PAPER : scroller.clientWidth);
    if (next.length === columns.length) return draw(false);
    columns = next;
    widths.replaceChildren(...columns.map(([column, width]) => {
      const col = el("col");
      if (column !== "account_name") col.style.width = width + "px";
      return col;
    }));
    heads.replaceChildren(...columns.map(([column, , style]) =>
      el("th", { scope: "col", class: style === "num" ? "num" : null, "data-column": column },
        el("button", { type: "button", title: say("sort_by", { column: heading(column) }), onclick: () => sort(column) },
          heading(column)))));
    marked();
    draw(true);
  }

  function sort(column) {
    state.down = state.sort === column ? !state.down : column !== "rank" && (isNumber(column) || column === "activity");
    state.sort = column;
    refresh();
  }

  function filters() {
    for (const column of FILTERS) {
      const counts = new Map();
      for (const code of D.columns[column].i) if (code >= 0) counts.set(code, (counts.get(code) || 0) + 1);
      const options = D.columns[column].t
        .map((text, code) => [text, coded(column, text), counts.get(code) || 0])
        .sort((a, b) => collator.compare(a[1], b[1]));
      selects[column] = el("select", { "aria-label": D.headings[column], "data-column": column, onchange: (event) => {
        state.chosen[column] = event.target.value;
        refresh();
      } }, el("option", { value: "" }, `${D.headings[column]}: ${W.all}`),
        options.map(([value, label, n]) => el("option", { value }, `${label} (${number(n, 0)})`)));
    }
    return FILTERS.map((column) => selects[column]);
  }

  function cards() {
    const group = (kind, label, tone) => D.changes[kind]
      ? card(number(D.changes[kind].length, 0), label, D.changes[kind].length ? tone : "", () => show("changes")) : null;
    const waiting = has("mqa_status") && D.columns.mqa_status.t
      ? Array.from({ length: D.n }, (_, row) => get("mqa_status", row)).filter((code) => code === "mqa").length : null;
    return [
      card(number(D.n, 0), W.kpi_ranked, "", () => reset()),
      waiting === null ? null : card(number(waiting, 0), W.kpi_mqa, "", () => choose("mqa_status", "mqa")),
      group("new", W.kpi_new, "good"), group("lost", W.kpi_lost, "bad"), group("risk", W.kpi_risk, "warn"),
      has("conversion_probability") ? card(number(sum("conversion_probability"), 0), W.kpi_conversions) : null,
      has("expected_value") ? card(brief(sum("expected_value")), W.kpi_value, "", null, D.currency) : null,
    ];
  }

  function card(value, label, tone, act, unit) {
    const parts = [el("b", {}, value, unit ? el("small", {}, " " + unit) : null), el("span", {}, label)];
    const look = "card " + (tone || "");
    return act ? el("button", { class: look, type: "button", onclick: act }, parts) : el("div", { class: look }, parts);
  }

  function reset() {
    state.chosen = {};
    state.query = search.value = "";
    for (const select of Object.values(selects)) select.value = "";
    refresh();
    show("list");
  }

  function changes() {
    const groups = ["new", "lost", "risk", "risers", "fallers"].filter((kind) => D.changes[kind]).map((kind) => {
      const entries = D.changes[kind];
      const item = (entry) => {
        const known = entry.row !== null;
        const go = known && el("button", { type: "button", onclick: (event) => open(entry.row, event.currentTarget) }, name(entry.row));
        const score = known && get("score", entry.row);
        return el("li", {}, el("div", {}, go || entry.id, entry.why ? el("small", {}, entry.why) : null),
          known && score !== null ? el("span", {}, number(score, 1), " ", change(entry.row)) : null);
      };
      const shown = entries.slice(0, 50);
      const rest = entries.length - shown.length;
      return el("section", { class: "group", "data-group": kind },
        el("h2", {}, W[kind], el("span", { class: "badge-count" }, number(entries.length, 0))),
        entries.length ? el("ul", {}, shown.map(item)) : el("p", { class: "none" }, W.nobody),
        rest ? el("p", { class: "note" }, say("more", { n: number(rest, 0) })) : null);
    });
    return el("div", { class: "groups" }, funnel(), groups);
  }

  function funnel() {
    if (!D.funnel.length) return null;
    const top = Math.max(...D.funnel.map(([, n]) => n), 1);
    return el("section", { class: "group wide" }, el("h2", {}, W.funnel), el("ul", { class: "funnel" },
      D.funnel.map(([stage, n]) => {
        const bar = el("i", { "aria-hidden": "true" });
        bar.style.height = (72 * n) / top + "px";
        return el("li", {}, el("b", {}, number(n, 0)), bar, el("span", {}, stage));
      })));
  }

  function guide() {
    const rows = Object.entries(D.meanings).map(([column, meaning]) =>
      el("tr", {}, el("th", { scope: "row" }, D.headings[column] || column), el("td", {}, meaning)));
    return el("div", { class: "guide" }, el("p", {}, W.keys), el("p", {}, W.guide_intro),
      el("table", {}, el("caption", { class: "hidden" }, W.tab_guide), el("tbody", {}, rows)));
  }

  const views = {
    list: el("div", { class: "list", id: "view-list", role: "tabpanel", "aria-labelledby": "tab-list" },
      el("div", { class: "filters", role: "search", "aria-label": W.filters }, search, filters(),
        el("button", { class: "ghost", type: "button", onclick: reset }, W.reset), status),
      el("p", { class: "printed" }, say("printed", { n: number(PRINTED, 0) })), scroller),
    changes: el("div", { class: "page", id: "view-changes", role: "tabpanel", "aria-labelledby": "tab-changes" }),
    guide: el("div", { class: "page", id: "view-guide", role: "tabpanel", "aria-labelledby": "tab-guide" }),
  };
  const build = { changes, guide };
  const tabs = Object.fromEntries(Object.keys(views).map((key) => [key, el("button", {
    type: "button", role: "tab", id: "tab-" + key, "aria-controls": "view-" + key, onclick: () => show(key),
  }, W["tab_" + key])]));

  function show(key) {
    for (const one of Object.keys(views)) {
      views[one].hidden = one !== key;
      tabs[one].setAttribute("aria-selected", String(one === key));
      tabs[one].tabIndex = one === key ? 0 : -1;
    }
    if (build[key]) {
      views[key].append(build[key]());
      delete build[key];
    }
    if (key === "list") draw(true);
  }

  function turn(event) {
    const order = Object.keys(views);
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    const next = order[(order.findIndex((key) => !views[key].hidden) + by + order.length) % order.length];
    show(next);
    tabs[next].focus();
  }

  function theme() {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  }

  const about = [D.project, D.run.data_as_of && say("as_of", { date: day(D.run.data_as_of) }),
    D.run.model_version && say("model", { version: D.run.model_version })].filter(Boolean).join(" · ");
  document.getElementById("app").append(
    el("header", { class: "top" }, el("h1", {}, W.title), el("p", { class: "meta" }, about),
      el("div", { class: "tools" },
        el("button", { class: "ghost", type: "button", title: W.theme, "aria-label": W.theme, onclick: theme }, "◐"),
        el("button", { class: "ghost", type: "button", onclick: () => window.print() }, W.print))),
    el("div", { class: "cards" }, cards()),
    el("div", { class: "tabs", role: "tablist", onkeydown: turn }, Object.values(tabs)),
    el("main", { class: "view" }, Object.values(views), aside));

  search.addEventListener("input", () => {
    state.query = search.value;
    refresh();
  });
  scroller.addEventListener("scroll", () => draw(false), { passive: true });
  scroller.addEventListener("keydown", move);
  body.addEventListener("click", (event) => {
    const row = event.target.closest("tr.row");
    if (!row) return;
    state.cursor = Number(row.dataset.i);
    open(state.rows[state.cursor], "table");
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
    else if (event.key === "/" && !/^(INPUT|SELECT)$/.test(document.activeElement.tagName)) {
      event.preventDefault();
      show("list");
      search.focus();
    }
  });
  new ResizeObserver(arrange).observe(scroller);
  const print = (begins) => () => {
    printing = begins;
    arrange();
    draw(true);
  };
  window.addEventListener("beforeprint", print(true));
  window.addEventListener("afterprint", print(false));
  show("list");
  arrange();
  refresh();
  setTimeout(() => SEARCHED.forEach(texts), 0); // so that the first search need not wait for it
})();
