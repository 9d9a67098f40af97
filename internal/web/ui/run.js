// One run: why did it start, where is it, is the candidate better, what is
// missing?
import { h, chip, icon, link, name } from './dom.js';
import { int, num, pct, span, seconds, words, when, capital, value } from './fmt.js';
import { get, now, Resource } from './live.js';
import { card, ofRun, problem, runChip, waiting } from './words.js';
import { answer, button, forRun } from './act.js';
import { arms, metrics, paired, reasons, tally, verdicts } from './evidence.js';
import { weights } from './draw.js';

const order = ['collecting', 'validating', 'training', 'evaluating', 'deciding', 'awaiting_approval', 'shadow', 'canary'];

export function run(modelID, id) {
  const opened = Date.now(), run = new Resource('/api/v1/runs/' + encodeURIComponent(id), 1000), detail = new Resource('/api/v1/models/' + encodeURIComponent(modelID), 1000);
  let redraw = () => {}, manifest = null, asked = '';

  function dataset(r) {
    if (r.dataset && asked !== r.dataset) {
      asked = r.dataset;
      get('/api/v1/datasets/' + r.dataset).then((d) => { manifest = d; redraw(); }, () => {});
    }
    return manifest;
  }

  return {
    crumbs: [[modelID, '/m/' + encodeURIComponent(modelID)], [id]],
    async start(draw) { redraw = draw; await Promise.all([run.load(), detail.load()]); },
    stop() { run.stop(); detail.stop(); },
    title: () => (run.data ? `${ofRun(run.data)[1]} · ${id}` : id),
    changed(kind, data) {
      const open = run.data && run.data.state !== 'closed';
      if (kind === 'again' || (kind === 'audit' && data.model === modelID)) { run.refresh(); detail.refresh(); }
      if (kind === 'status' && open) { run.refresh(); detail.refresh(); }
    },
    view() {
      const r = run.data;
      if (!r) return run.error ? [h('h1', { tabindex: -1 }, run.error.status === 404 ? `There is no run ${id}.` : `${id} cannot be shown.`), problem(run.error, () => run.load()), link('/m/' + encodeURIComponent(modelID), '', `All runs of ${modelID}`)] : waiting(opened, true);
      const d = detail.data, mine = d && d.open_run && d.open_run.run === r.run ? d : null, ds = dataset(r);
      const acts = r.state === 'closed' ? [] : forRun(r, r.champion);
      return [
        h('div', { class: 'verdict', key: 'verdict' },
          h('div', null, h('h1', { tabindex: -1, 'data-sentence': true }, r.sentence || capital(words(r.state))), about(r)),
          h('div', { class: 'btns' }, acts.map((a) => button(a, () => { run.refresh(); redraw(); })))),
        answer() && h('p', { class: 'note good', key: 'answer' }, answer()),
        r.rollout && r.rollout.ask && r.state !== 'closed' && h('p', { class: 'note warn', key: 'ask' }, capital(r.rollout.ask)),
        steps(r),
        h('div', { class: 'two', key: 'two' },
          h('div', null, gates(r), r.evaluation && evaluation(r)),
          h('div', null, r.rollout && rollout(r, mine), mine && mine.training && r.state === 'training' && training(mine.training), data(r, ds), started(r))),
      ];
    },
  };
}

function about(r) {
  return h('div', { class: 'meta' }, runChip(r), h('span', null, 'started ', when(r.started, now()), ` by ${words(r.decision.trigger)}`),
    r.champion ? h('span', null, 'champion then ', h('code', null, r.champion)) : h('span', null, 'no champion then'),
    (r.candidate || r.twin) && h('span', null, 'candidate ', h('code', null, r.candidate || r.twin)),
    r.ended && h('span', null, `took ${span((Date.parse(r.ended) - Date.parse(r.started)) / 1000)}`));
}

function steps(r) {
  const open = r.state !== 'closed', took = r.took || {}, at = order.indexOf(r.state);
  const planned = (s) => s === 'shadow' || s === 'canary' ? r.rollout ? r.rollout.steps.some((x) => (s === 'shadow') === (x.shadow > 0)) : open : s !== 'awaiting_approval';
  const shown = order.filter((s) => took[s] || s === r.state || (open && order.indexOf(s) > at && planned(s)));
  const ok = r.ending === 'promoted';
  return h('section', { class: 'card', key: 'steps', 'aria-label': 'Steps' }, h('h2', { class: 'vh' }, 'Steps'),
    h('ol', { class: 'steps' }, shown.map((s) => {
      const state = s === r.state ? 'now' : took[s] ? 'done' : 'todo';
      const time = s === r.state ? seconds(took[s]) + (now() - Date.parse(r.since)) / 1000 : seconds(took[s]);
      return h('li', { key: s, class: state, 'aria-current': state === 'now' ? 'step' : null }, h('div', { class: 'bar' }), h('span', { class: 'b' }, capital(words(s))), h('span', { class: 'sm t3 block' }, state === 'todo' ? 'to come' : span(time)));
    }), h('li', { key: 'closed', class: open ? 'todo' : ok ? 'done' : 'bad' }, h('div', { class: 'bar' }), h('span', { class: 'b' }, open ? 'Closed' : chip(...ofRun(r), true)), h('span', { class: 'sm t3 block' }, open ? 'to come' : when(r.ended, now())))));
}

function gates(r) {
  if (!r.verdicts || !r.verdicts.length) return card('Gates', '', h('p', { class: 'empty' }, r.state === 'closed' ? `No gate was reached: the run was ${words(r.ending)} before.` : 'The gates judge the candidate once it is trained and compared with the champion on the same rows.'));
  const t = tally(r.verdicts);
  return h('section', { class: 'card', 'aria-label': 'Gates' }, h('header', null, h('h2', null, 'Gates'), chip(t.icon, t.text, t.tone), t.extra && h('p', null, t.extra)), h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Verdicts' }, verdicts(r.verdicts)));
}

function evaluation(r) {
  const e = r.evaluation, re = e.replay || {};
  const fails = e.anchor_failures || [];
  return card('Evaluation', e.champion ? `${e.candidate} against ${e.champion}, on the same rows` : `${e.candidate}, with no champion to compare`,
    h('div', { class: 'body' }, h('dl', { class: 'kv' },
      e.champion ? paired(e.loss) : [h('dt', null, 'Loss a row'), h('dd', null, `${num(e.loss.candidate)} on ${int(e.loss.n)} rows`)],
      h('dt', null, 'Best constant answer'), h('dd', null, `${num(e.trivial_loss)} loss a row`),
      e.anchor_cases > 0 && [h('dt', null, 'Anchor cases'), h('dd', null, `${int(fails.length)} of ${int(e.anchor_cases)} wrong`)],
      re.requests > 0 && [h('dt', null, 'Replay'), h('dd', null, `${int(re.requests)} requests, p99 ${span(re.candidate_p99_ns / 1e9)}${re.champion_p99_ns ? ` against ${span(re.champion_p99_ns / 1e9)}` : ''}, memory ${value(re.candidate_bytes, 'bytes')}, ${int(re.faults)} faults`)],
      re.fault && [h('dt', null, 'A fault'), h('dd', null, h('code', null, re.fault))])),
    e.champion && e.metrics && e.metrics.length > 0 && metrics(e.metrics),
    fails.length > 0 && h('details', { class: 'body' }, h('summary', null, 'anchor cases that are wrong'), h('ul', null, fails.slice(0, 50).map((f) => h('li', { key: f.case }, h('code', null, name(f.case)), ` wants ${f.want}, got ${f.got}`, f.champion_failed_too && ', as the champion did')))),
    e.slices && e.slices.length > 0 && h('details', { class: 'body' }, h('summary', null, `${int(e.slices.length)} slices`),
      h('table', null, h('thead', null, h('tr', null, h('th', { scope: 'col' }, 'Slice'), ['Difference', 'Interval, 95 %', 'Rows'].map((t) => h('th', { scope: 'col', class: 'n' }, t)))),
        h('tbody', null, e.slices.slice(0, 100).map((s) => h('tr', { key: s.slice }, h('th', { scope: 'row' }, h('code', null, name(s.slice))), h('td', { class: 'n' }, num(s.diff)), h('td', { class: 'n' }, `${num(s.lower)} to ${num(s.upper)}`), h('td', { class: 'n' }, int(s.n))))))));
}

function stepWords(s) {
  return s.shadow ? `shadow ${int(s.shadow)} requests` : pct(s.weight || 0, 0);
}

function rollout(r, mine) {
  const o = r.rollout, at = o.steps[o.step] || {}, open = r.state !== 'closed', share = at.weight || 0, rest = Math.max(0, 1 - share - Math.min(share, 1 - share));
  const health = mine && mine.health;
  return h('section', { class: 'card', id: 'rollout', 'aria-label': 'Rollout' }, h('header', null, h('h2', null, 'Rollout'), h('p', null, `of ${o.version}${o.paused ? ', paused' : ''}`)),
    h('div', { class: 'body' },
      h('dl', { class: 'kv' }, h('dt', null, 'Steps'), h('dd', null, o.steps.map((s, i) => [i > 0 && ' · ', i === o.step && open ? h('span', { class: 'b' }, stepWords(s), h('span', { class: 'vh' }, ' (under way)')) : stepWords(s), (i < o.step || r.ending === 'promoted') && ' ✓'])),
        h('dt', null, 'This step'), h('dd', null, 'since ', when(o.since, now()), at.max_wait && `; at most ${span(seconds(at.max_wait))}, then ${at.on_insufficient || 'hold'}`)),
      share > 0 && open && [h('div', { key: 'w' }, weights(share, 400)), h('p', { class: 'sm t2', key: 'wt' }, h('span', { class: 'b' }, `${o.version} ${pct(share, 0)}`), ` · control ${pct(Math.min(share, 1 - share), 0)} · ${r.champion} ${pct(rest, 0)}`)]),
    health && open && arms(health, Boolean(at.shadow)),
    health && open && health.quality && health.quality.n > 0 && h('div', { class: 'body' }, h('dl', { class: 'kv' }, paired(health.quality))),
    o.verdicts && o.verdicts.length > 0 && h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Verdicts of the step' }, verdicts(o.verdicts)));
}

function training(t) {
  const values = Object.entries(t.values || {});
  return card('Training', t.version, h('div', { class: 'body' },
    h('p', null, t.step ? `Step ${int(t.step)}` : 'No progress was reported yet', values.map(([k, v]) => ` · ${words(k)} ${num(v)}`))),
  t.lines && t.lines.length > 0 && h('pre', { tabindex: 0, role: 'region', 'aria-label': 'The newest lines of the trainer' }, t.lines.slice(-60).join('\n')));
}

function data(r, d) {
  if (!r.dataset) return card('Dataset', '', h('p', { class: 'empty' }, r.state === 'closed' ? 'The run closed before its rows were frozen.' : 'The rows are being collected.'));
  const c = d ? d.recipe : {};
  return card('Dataset', h('code', null, String(r.dataset).slice(0, 12)), d && h('div', { class: 'body' }, h('dl', { class: 'kv' },
    [['Training rows', int(d.train_rows)], ['Held out', int(d.holdout_rows)], d.anchor_rows > 0 && ['Anchor cases', int(d.anchor_rows)], ['Window', `${int(c.window_rows)} rows${c.window_by ? ', by ' + words(c.window_by) : ''}`], c.history_rows > 0 && ['From before', `${int(c.history_rows)} rows`], ['Labels up to', when(c.mature_at, now())], d.classes && ['Classes', d.classes.slice(0, 12).join(', ')]].filter(Boolean).map(([k, v]) => [h('dt', null, k), h('dd', null, v)]))),
  d && d.checks && h('ul', { class: 'body' }, d.checks.map((k) => h('li', { key: k.rule }, chip(k.passed ? 'ok' : 'fail', words(k.rule), k.passed ? 'good' : 'bad', true), h('span', { class: 't2' }, ' ' + k.sentence)))));
}

function started(r) {
  const d = r.decision;
  return card('Why it started', [when(d.at, now()), ` by ${d.by}`], h('div', { class: 'body' }, h('p', null, d.sentence), d.loss_rate > 0 && h('p', { class: 't2' }, `Each row answered by the stale champion is thought to lose ${num(d.loss_rate)}.`)),
    d.reasons && reasons(d.reasons),
    d.signals && d.signals.length > 0 && h('details', { class: 'body' }, h('summary', null, `evidence: ${int(d.signals.length)} signals, ${int((d.ticks || []).length)} ticks`),
      h('table', null, h('thead', null, h('tr', null, h('th', { scope: 'col' }, 'Signal'), ['Value', 'Rows'].map((t) => h('th', { scope: 'col', class: 'n' }, t)))),
        h('tbody', null, d.signals.slice(0, 80).map((s) => h('tr', { key: s.name + '/' + (s.slice || '') }, h('th', { scope: 'row' }, h('code', null, s.name, s.slice ? ' ' + s.slice : '')), h('td', { class: 'n' }, s.unknown ? 'unknown' : num(s.value)), h('td', { class: 'n' }, int(s.n))))))));
}
