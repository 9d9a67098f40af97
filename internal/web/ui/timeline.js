// A model over time: what happened, its quality against the baseline, and what a
// retrain would win back against its price. One time axis, one cursor.
import { h, fold, table } from './dom.js';
import { clock, int, metric, num, words, when } from './fmt.js';
import { strip, lane, axis, pad, ticks } from './draw.js';
import { live, now } from './live.js';

const time = (s) => Date.parse(s.at);

// bestSuffix is the most that a retrain would win back for sure: over all
// suffixes of at least three ticks the largest Σgain − √Σvar.
export function bestSuffix(ticks) {
  let best = -Infinity, gain = 0, sumGain = 0, sumVar = 0;
  for (let i = ticks.length - 1; i >= 0; i--) {
    sumGain += ticks[i].gain;
    sumVar += ticks[i].var;
    const lower = sumGain - Math.sqrt(sumVar);
    if (ticks.length - i >= 3 && lower > best) [best, gain] = [lower, sumGain];
  }
  return best === -Infinity ? null : { lower: best, gain };
}

// recoverable is the recoverable loss over time: as it was recorded, or else as
// the ticks of this champion give it.
function recoverable(recorded, ticks) {
  const known = (recorded || []).filter((s) => !s.slice);
  if (known.length > 1) return known.map((s) => (s.unknown || !s.n ? null : { x: time(s), y: s.lower || 0, gain: s.value }));
  return ticks.map((t, i) => { const b = bestSuffix(ticks.slice(0, i + 1)); return b && { x: time(t), y: b.lower, gain: b.gain }; });
}

// moves are the changes of champion, oldest first.
function moves(versions) {
  return ((versions && versions.alias_history) || []).filter((m) => m.alias === 'champion' && m.version).map((m) => ({ ...m, t: time(m) })).sort((a, b) => a.t - b.t);
}

// happened names what the lane shows.
function happened(changes, runs) {
  const seen = new Set(), out = [];
  for (const m of changes) {
    const back = seen.has(m.version);
    seen.add(m.version);
    out.push({ at: m.t, icon: back ? 'back' : 'ok', tone: back ? 'bad' : 'good', text: back ? `back to ${m.version}` : `${m.version} champion` });
  }
  for (const r of (runs && runs.runs) || []) {
    out.push({ at: Date.parse(r.started), icon: 'attn', tone: 'warn', text: `${r.run} by ${words(r.decision.trigger)}` });
    if (r.state === 'closed' && r.ending !== 'promoted' && !changes.some((m) => m.run === r.run)) out.push({ at: Date.parse(r.ended), icon: r.ending === 'rolled_back' ? 'back' : 'fail', tone: 'bad', text: `${r.candidate || r.run} ${words(r.ending)}` });
  }
  return out;
}

function nearest(points, t) {
  let best = null;
  for (const p of points) if (p && (!best || Math.abs(p.x - t) < Math.abs(best.x - t))) best = p;
  return best;
}

// timeline keeps the cursor and the scales, which only ever grow.
export function timeline() {
  let width = 0, cursor = null, seen = null, shown = { points: [] };
  const scales = new Map();

  function grow(key, lo, hi) {
    const was = scales.get(key) || [lo, hi], next = [Math.min(was[0], lo), Math.max(was[1], hi)];
    scales.set(key, next);
    return next;
  }

  function measure(redraw) {
    const el = document.querySelector('[data-plot]');
    if (!el || el === seen) return;
    seen = el;
    new ResizeObserver(() => { const w = Math.floor(el.clientWidth); if (w && w !== width) { width = w; redraw(); } }).observe(el);
  }

  function move(e, redraw) {
    const box = e.currentTarget.getBoundingClientRect(), x = Math.min(Math.max(e.clientX - box.left, pad.left), width - pad.right);
    cursor = shown.t0 + ((x - pad.left) / (width - pad.left - pad.right)) * (shown.t1 - shown.t0);
    redraw();
  }

  function key(e, redraw) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
    if (e.key === 'Escape') cursor = null;
    else if (!by) return;
    else {
      e.preventDefault();
      const ps = shown.points.filter(Boolean), at = nearest(ps, cursor === null ? shown.t1 : cursor), i = ps.indexOf(at) + by * (e.shiftKey ? 10 : 1);
      const p = ps[Math.min(Math.max(i, 0), ps.length - 1)];
      if (p) { cursor = p.x; document.getElementById('say').textContent = `${clock(p.x, true)}: ${shown.read(p)}`; }
    }
    redraw();
  }

  return {
    view(m, got, redraw) {
      setTimeout(() => measure(redraw), 0);
      const changes = moves(got.versions), write = (x) => metric(got.metric, x);
      const raw = ((got.quality && got.quality.signals) || []).filter((s) => !s.slice);
      const quality = broken(raw.map((s) => (s.unknown ? null : { x: time(s), y: s.value, lo: s.lower ?? s.value, hi: s.upper ?? s.value, n: s.n })), changes);
      const loss = broken(recoverable(got.loss && got.loss.signals, m.ticks), changes);
      const points = [...quality, ...loss].filter(Boolean);
      if (points.length < 2) return h('section', { class: 'card', key: 'time', 'aria-label': 'Over time' }, h('header', null, h('h2', null, 'Over time')), h('p', { class: 'empty' }, m.champion ? `Quality and recoverable loss are drawn here as labels come: ${int(m.new_labels)} new ones so far.` : 'Quality is drawn here once there is a champion.'));
      const t0 = points.reduce((a, p) => Math.min(a, p.x), Infinity), t1 = Math.max(now(), points.reduce((a, p) => Math.max(a, p.x), 0));
      shown = { t0, t1, points: quality.filter(Boolean).length ? quality : loss, read: (p) => (p.n === undefined ? num(p.y) : write(p.y)) };
      const marks = happened(changes, got.runs).filter((e) => e.at >= t0 && e.at <= t1), at = cursor !== null && cursor >= t0 && cursor <= t1 ? cursor : null;
      const common = { width: width || 600, t0, t1, marks: marks.slice(0, 60), cursor: at };
      return h('section', { class: 'card', key: 'time', 'aria-label': 'Over time' },
        h('header', null, h('h2', null, 'Over time'), h('p', null, 'from ', when(t0, now()), ', ', live.lost ? 'until the connection was lost' : 'live'), h('span', { class: 'sp' }), legend()),
        h('div', { class: 'strip' }, h('div', { class: 't2' }, 'What happened'), h('div', { 'data-plot': true }, lane(marks, common)), h('div', { class: 't3' }, at === null ? 'now' : clock(at, true))),
        h('div', { tabindex: 0, role: 'group', 'aria-label': 'Charts: arrow keys move the cursor, Escape ends it', onkeydown: (e) => key(e, redraw) },
          qualityStrip(m, quality, changes, got, common, write, grow, (e) => move(e, redraw)),
          lossStrip(m, loss, common, grow, (e) => move(e, redraw))),
        h('div', { class: 'strip' }, h('div', null), h('div', null, axis(common)), h('div', null)),
        asTable(raw, write, got.metric));
    },
  };

  function plotted(o, onmove) {
    return h('div', { onpointermove: onmove, onpointerleave: () => { cursor = null; } }, strip(o));
  }

  function qualityStrip(m, points, changes, got, common, write, grow, onmove) {
    const known = points.filter(Boolean), title = got.metric === 'mae' ? 'Mean error' : 'Accuracy';
    const base = baseline(changes, got.versions, got.metric, common), value = common.cursor === null ? known[known.length - 1] : nearest(known, common.cursor);
    if (!known.length) return h('div', { class: 'strip', key: 'q' }, h('div', { class: 'b' }, title), h('div', { class: 't3' }, 'unknown: too few labels'), h('div', null));
    const all = known.flatMap((p) => [p.lo, p.hi]).concat(base.filter(Boolean).map((p) => p.y));
    let [lo, hi] = grow('q', Math.min(...all), Math.max(...all));
    const step = ticks(lo, hi, 3)[1] - ticks(lo, hi, 3)[0] || 0.01;
    lo = Math.floor(lo / step) * step; hi = Math.ceil(hi / step) * step;
    if (got.metric === 'accuracy') hi = Math.min(hi, 1);
    const now = m.version && m.version.baseline && m.version.baseline[got.metric];
    return h('div', { class: 'strip', key: 'q' },
      h('div', null, h('div', { class: 'b' }, title), h('div', { class: 'sm t3' }, now !== undefined && now !== null ? `realised; baseline ${write(now)}` : 'realised')),
      plotted({ ...common, height: 116, lo, hi, write: got.metric === 'accuracy' ? (v) => num(v * 100, step < 0.01 ? 1 : 0) + ' %' : num, bands: [{ cls: 'champ-band', points }], lines: [{ cls: 'champ', points }], limits: [{ cls: 'base', points: base }],
        label: `${title} over time, now ${write(known[known.length - 1].y)}${now ? `, baseline ${write(now)}` : ''}` }, onmove),
      h('div', null, value && [h('div', { class: 'big' }, write(value.y)), h('div', { class: 'sm t3' }, `${write(value.lo)} to ${write(value.hi)}`), h('div', { class: 'sm t3' }, `${int(value.n)} labels`)]));
  }

  function lossStrip(m, points, common, grow, onmove) {
    const known = points.filter(Boolean), reason = (m.decision.reasons || []).find((r) => r.trigger === 'recoverable_loss');
    const price = (reason && reason.limit) || m.retrain_cost || 0;
    if (!known.length) return h('div', { class: 'strip', key: 'l' }, h('div', { class: 'b' }, 'Recoverable loss'), h('div', { class: 't3' }, 'unknown: it takes three ticks of labels'), h('div', null));
    const [, hi] = grow('l', 0, Math.max(price * 1.25, ...known.map((p) => Math.max(p.gain, p.y))));
    const value = common.cursor === null ? known[known.length - 1] : nearest(known, common.cursor);
    const limit = price ? [{ cls: 'limit', points: [{ x: common.t0, y: price }, { x: common.t1, y: price }], text: 'price of a retrain' }] : [];
    return h('div', { class: 'strip', key: 'l' },
      h('div', null, h('div', { class: 'b' }, 'Recoverable loss'), h('div', { class: 'sm t3' }, 'at least (thick) and about (thin), in units of loss')),
      plotted({ ...common, height: 96, lo: 0, hi, bands: [{ cls: 'cand-band', points: points.map((p) => p && { ...p, lo: p.y, hi: p.gain }) }], lines: [{ cls: 'cand thin', points: points.map((p) => p && { ...p, y: p.gain }) }, { cls: 'cand', points }], limits: limit,
        label: `Recoverable loss over time, now at least ${num(Math.max(known[known.length - 1].y, 0))}, price ${num(price)}` }, onmove),
      h('div', null, h('div', { class: 'big' }, num(Math.max(value.y, 0))), h('div', { class: 'sm t3' }, `at least; about ${num(value.gain)}`), h('div', { class: 'sm t3' }, price ? `price ${num(price)}` : 'no price set')));
  }
}

// broken puts a null where the champion changed: its numbers begin anew.
function broken(points, changes) {
  const out = [];
  let i = 0, before = null;
  for (const p of points) {
    if (p) {
      while (i < changes.length && changes[i].t <= p.x) { if (before !== null && before < changes[i].t) out.push(null); i++; }
      before = p.x;
    }
    out.push(p);
  }
  return out;
}

// baseline is what each champion's metric is held against, while it served.
function baseline(changes, versions, metricName, o) {
  const out = [];
  changes.forEach((m, i) => {
    const v = versions.versions.find((x) => x.version === m.version), y = v && v.baseline ? v.baseline[metricName] : undefined;
    const from = Math.max(m.t, o.t0), to = i + 1 < changes.length ? changes[i + 1].t : o.t1;
    if (Number.isFinite(y) && to > from) out.push({ x: from, y }, { x: to, y }, null);
  });
  return out;
}

function legend() {
  return h('div', { class: 'leg large' }, [['key', 'realised'], ['key band', 'interval, 99.9 %'], ['key d', 'baseline'], ['key c', 'recoverable loss'], ['key l', 'price']].map(([cls, text]) => h('span', null, h('span', { class: cls }), text)));
}

function asTable(raw, write, metricName) {
  const rows = raw.filter((s) => !s.unknown).slice(-12).reverse();
  return fold('as table', table(null, ['!At', `>${metricName}`, '>Interval', '>Labels'], rows.map((s) => [s.at, when(s.at, now()), write(s.value), `${write(s.lower || 0)} to ${write(s.upper || 0)}`, int(s.n)])));
}
