// Reasons, verdicts and comparisons: each number beside its limit, each finding
// with its sentence.
import { h, chip } from './dom.js';
import { int, num, pct, signed, span, value, words, when, capital } from './fmt.js';
import { resultChip } from './words.js';
import { whisker } from './draw.js';

// verdicts lists gates in the order in which they are read.
export function verdicts(all) {
  return h('table', { class: 'stack' },
    h('thead', null, h('tr', null, ['Result', 'Gate'].map((t) => h('th', { scope: 'col' }, t)), ['Value', 'Limit'].map((t) => h('th', { scope: 'col', class: 'n' }, t)), ['Interval and limit', 'In words'].map((t) => h('th', { scope: 'col' }, t)))),
    h('tbody', null, all.map((v) => {
      const limited = v.limit !== 0 || v.lower !== undefined || v.upper !== undefined || ['quality', 'slice', 'faults'].includes(v.gate);
      const measured = v.n > 0 || v.value !== 0;
      const over = /exposure|\.min(_change)?$/.test(v.gate) || (v.result === 'pass' && v.value > v.limit) || (v.result === 'fail' && v.value < v.limit);
      const pass = over ? 1 : -1;
      const tone = { pass: 'good', fail: 'bad' }[v.result] || 'hold';
      const unit = ['share', 'bytes', 'ns', 's'].includes(v.unit) ? '' : v.unit || '';
      return h('tr', { key: v.gate + '/' + (v.slice || '') },
        h('td', null, resultChip(v.result, true)),
        h('th', { scope: 'row' }, capital(words(v.gate)), v.slice && h('span', { class: 'sm t3 block' }, v.slice), h('span', { class: 'sm t3 block' }, [v.n > 0 && `${int(v.n)} rows`, v.need > 0 && `about ${int(v.need)} more`].filter(Boolean).join(', '))),
        h('td', { class: 'n nw', 'data-label': 'value' }, measured ? value(v.value, v.unit) : 'unknown', measured && unit && h('span', { class: 'sm t3 block' }, ' ' + unit)),
        h('td', { class: 'n nw', 'data-label': 'limit' }, limited ? value(v.limit, v.unit) : 'none'),
        h('td', { class: tone }, limited && measured && whisker(v.value, v.lower === undefined && v.upper === undefined ? v.value : v.lower || 0, v.lower === undefined && v.upper === undefined ? v.value : v.upper || 0, v.limit, pass,
          `${words(v.gate)} ${value(v.value, v.unit)}, limit ${value(v.limit, v.unit)}`)),
        h('td', { class: 't2' }, capital(v.sentence)));
    })));
}

// tally says how many verdicts passed.
export function tally(all) {
  const passed = all.filter((v) => v.result === 'pass').length, failed = all.filter((v) => v.result === 'fail').length, open = all.length - passed - failed;
  const extra = [failed && `${failed} failed`, open && `${open} inconclusive`].filter(Boolean).join(', ');
  return { text: `${passed} of ${all.length} pass`, extra, tone: failed ? 'bad' : open ? 'hold' : 'good', icon: failed ? 'fail' : open ? 'hold' : 'ok' };
}

// reasons lists what each trigger and guard said.
export function reasons(all) {
  return h('table', { class: 'stack' },
    h('thead', null, h('tr', null, ['Said', 'Trigger or guard'].map((t) => h('th', { scope: 'col' }, t)), ['Value', 'Limit'].map((t) => h('th', { scope: 'col', class: 'n' }, t)), h('th', { scope: 'col' }, 'In words'))),
    h('tbody', null, all.map((r) => {
      const fired = r.guard ? (r.fired ? ['pause', 'Holds back', 'warn'] : ['ok', 'Lets pass', 'idle']) : r.fired ? ['attn', 'Fires', 'warn'] : ['dot', 'Quiet', 'idle'];
      return h('tr', { key: (r.trigger || '') + '/' + (r.guard || '') },
        h('td', null, chip(...fired, true)),
        h('th', { scope: 'row' }, capital(words(r.guard || r.trigger)), h('span', { class: 'sm t3 block' }, r.guard ? 'guard' : 'trigger')),
        h('td', { class: 'n nw', 'data-label': 'value' }, r.limit || r.value ? num(r.value) : ''),
        h('td', { class: 'n nw', 'data-label': 'limit' }, r.limit ? num(r.limit) : 'none'),
        h('td', { class: 't2' }, r.sentence));
    })));
}

// paired says how two versions compare on the same rows.
export function paired(p) {
  if (!p || !p.n) return [h('dt', null, 'Compared rows'), h('dd', null, 'none yet')];
  return [
    ['Compared rows', int(p.n)],
    ['Loss a row', `${num(p.candidate)} against ${num(p.champion)} of the champion`],
    ['Difference', `${signed(p.diff)} (${signed(p.lower)} to ${signed(p.upper)}, 95 %); less is better`],
    ['Answers', `${int(p.gains)} newly right, ${int(p.flips)} newly wrong`],
    ['McNemar p', num(p.p_value)],
    ['e-values', `better ${num(p.e_better)}, worse ${num(p.e_worse)}; 20 is strong`],
  ].map(([k, v]) => [h('dt', null, k), h('dd', null, v)]);
}

// metrics compares both versions metric by metric.
export function metrics(all) {
  return h('table', null,
    h('thead', null, h('tr', null, h('th', { scope: 'col' }, 'Metric'), ['Candidate', 'Champion', 'Rows'].map((t) => h('th', { scope: 'col', class: 'n' }, t)))),
    h('tbody', null, all.map((m) => h('tr', { key: m.metric },
      h('th', { scope: 'row' }, words(m.metric), h('span', { class: 'sm t3' }, m.higher_is_better ? ', more is better' : ', less is better')),
      h('td', { class: 'n' }, m.metric === 'accuracy' ? pct(m.candidate) : num(m.candidate)), h('td', { class: 'n' }, m.metric === 'accuracy' ? pct(m.champion) : num(m.champion)), h('td', { class: 'n' }, int(m.n))))));
}

// arms compares how both sides of a rollout step answer.
export function arms(health, shadow) {
  const c = health.canary, k = health.control, slow = health.slower_than_ns;
  const rows = [['Requests', int(c.requests), shadow ? 'served as before' : int(k.requests)], ['Different users', int(c.units), int(k.units)], ['Faults', int(c.faults), int(k.faults)],
    slow > 0 && [`Slower than ${span(slow / 1e9)}`, int(c.slow), int(k.slow)], ['Latency p50', span(c.p50_ns / 1e9), span(k.p50_ns / 1e9)], ['Latency p99', span(c.p99_ns / 1e9), span(k.p99_ns / 1e9)],
    shadow && ['Same answer', c.requests ? pct(health.agree / c.requests) : 'none yet', '']].filter(Boolean);
  return h('table', null,
    h('thead', null, h('tr', null, h('th', { scope: 'col' }, 'Health of the step'), h('th', { scope: 'col', class: 'n' }, 'Candidate'), h('th', { scope: 'col', class: 'n' }, 'Control'))),
    h('tbody', null, rows.filter((r) => !(shadow && r[0] === 'Different users')).map(([what, a, b]) => h('tr', { key: what }, h('th', { scope: 'row' }, what), h('td', { class: 'n' }, a), h('td', { class: 'n' }, b)))),
    c.fault && h('tbody', null, h('tr', null, h('th', { scope: 'row' }, 'A fault'), h('td', { colspan: 2 }, h('code', null, c.fault)))));
}

// events lists audit events, newest first.
export function events(all, at) {
  return h('ol', { class: 'log' }, all.map((e) => h('li', { key: e.seq },
    h('span', { class: 't3 nw at' }, when(e.at, at)),
    h('span', null, e.sentence, h('span', { class: 'sm t3 block' }, `${e.actor || 'hone'} · ${e.action} · ${e.seq}`)))));
}
