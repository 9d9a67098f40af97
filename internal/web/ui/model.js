// One model: is it going stale, since when, at what cost, what changed, what now?
import { h, chip, link, name } from './dom.js';
import { int, num, pct, metric, span, seconds, words, when, capital, range } from './fmt.js';
import { find, get, live, now, Resource } from './live.js';
import { card, ofModel, ofRun, problem, runChip, waiting } from './words.js';
import { answer, button, forModel, forRun } from './act.js';
import { events, reasons } from './evidence.js';
import { picture } from './loop.js';
import { meter } from './draw.js';
import { timeline } from './timeline.js';
import { performance } from './fleet.js';

export function model(id) {
  const base = '/api/v1/models/' + encodeURIComponent(id), opened = Date.now();
  const metricName = () => { const m = find(id) || detail.data; return m && m.task === 'regression' ? 'mae' : 'accuracy'; };
  const detail = new Resource(base, 2000);
  const quality = new Resource(() => `${base}/signals?name=${metricName()}&limit=500`, 5000);
  const loss = new Resource(`${base}/signals?name=recoverable_loss&limit=500`, 5000);
  const runs = new Resource(`${base}/runs?limit=20`, 1500);
  const versions = new Resource(`${base}/versions`, 1500);
  const audit = new Resource(async () => newest(id, 40), 1500);
  const all = [detail, quality, loss, runs, versions, audit];
  const datasets = new Map();
  const charts = timeline();
  let redraw = () => {}, last = '';

  function dataset(run) {
    if (!run || !run.dataset) return null;
    if (!datasets.has(run.dataset)) {
      datasets.set(run.dataset, null);
      get('/api/v1/datasets/' + run.dataset).then((d) => { datasets.set(run.dataset, d); redraw(); }, () => {});
    }
    return datasets.get(run.dataset);
  }

  return {
    crumbs: [[id]],
    async start(draw) {
      redraw = draw;
      await detail.load();
      if (!detail.error) for (const r of all.slice(1)) r.load();
    },
    stop: () => all.forEach((r) => r.stop()),
    title() { const m = find(id) || detail.data; return m ? `${ofModel(m)[1]} · ${id}` : id; },
    changed(kind, data) {
      if (kind === 'again') all.forEach((r) => r.refresh());
      if (kind === 'audit' && data.model === id) [detail, runs, versions, audit].forEach((r) => r.refresh());
      if (kind !== 'status') return;
      const m = JSON.stringify(find(id));
      if (m !== last) [detail, quality, loss].forEach((r) => r.refresh());
      last = m;
    },
    view() {
      const d = detail.data;
      if (!d) return detail.error ? [h('h1', { tabindex: -1 }, detail.error.status === 404 ? `There is no model ${id}.` : `${id} cannot be shown.`), problem(detail.error, () => detail.load()), link('/', '', 'All models')] : waiting(opened, true);
      const m = { ...d, ...find(id), signals: d.signals || [], ticks: d.ticks || [] }, run = d.open_run;
      const acts = run ? forRun(run, m.champion) : forModel(id, m.champion, d.aliases && d.aliases.previous);
      return [
        h('div', { class: 'verdict', key: 'verdict' },
          h('div', null, h('h1', { tabindex: -1, 'data-sentence': true }, m.sentence), m.lead && h('p', { class: 'lead' }, m.lead), about(m, d)),
          h('div', { class: 'btns' }, run && link(`/m/${encodeURIComponent(id)}/runs/${encodeURIComponent(run.run)}`, 'btn' + (acts.some((a) => a.tone === 'p') ? '' : ' p'), `Open ${run.run}`), acts.map((a) => button(a, () => { detail.refresh(); redraw(); })))),
        answer() && h('p', { class: 'note good', key: 'answer' }, answer()),
        detail.error && h('div', { key: 'stale' }, problem({ ...detail.error, title: 'What follows is from ' + new Date(detail.at).toTimeString().slice(0, 5) })),
        picture(m, dataset(run || d.last_run)),
        charts.view(m, { quality: quality.data, loss: loss.data, versions: versions.data, runs: runs.data, metric: metricName() }, redraw),
        h('div', { class: 'two', key: 'rest' },
          h('div', null, features(d), slices(d), decided(d)),
          h('div', null, past(runs, id), heard(audit))),
      ];
    },
  };
}

// newest reads the end of the audit chain, which is listed oldest first, in
// stretches that grow until there are enough events of the model.
export async function newest(id, want) {
  const of = id ? '&model=' + encodeURIComponent(id) : '';
  const { head } = await get('/api/v1/audit?limit=1');
  for (let back = want * 4; ; back *= 4) {
    const after = Math.max(0, head - back), url = `/api/v1/audit?after=${after}&limit=10000${of}`;
    if (after === 0) return url;
    const got = await get(url);
    if (got.events && got.events.length >= want) return url;
  }
}

function about(m, d) {
  return h('div', { class: 'meta' },
    h('span', null, `${m.task} · ${int(m.features)} features`),
    m.champion && h('span', null, 'champion ', h('code', null, m.champion), m.champion_since && h('span', { class: 'ago' }, `, for ${span(Math.max(1, Math.floor((now() - Date.parse(m.champion_since)) / 1000)))}`)),
    d.probation && !d.probation.over && h('span', null, `probation: ${int(d.probation.quality.n)} of ${int(d.probation.labels)} labels`),
    d.next_schedule && h('span', null, 'next by schedule: ', when(d.next_schedule, now())));
}

function features(d) {
  const drift = d.drift || {}, title = 'Features', all = drift.features || [];
  if (!d.champion) return card(title, '', h('p', { class: 'empty' }, 'Drift is judged against what the champion was trained on; there is no champion yet.'));
  if (drift.unknown || !all.length) return card(title, '', h('p', { class: 'empty' }, `Drift is unknown: ${drift.unknown || 'no window was judged'}. ${int(d.window_predictions)} of ${int(d.config.monitor.window)} predictions of the next window are in.`));
  const rank = (f) => (f.drifted ? 1e3 : 0) + f.excess_psi;
  const rows = [...all].sort((a, b) => rank(b) - rank(a)), tones = { none: 'idle', small: 'warn', large: 'bad' };
  const row = (f) => h('tr', { key: f.feature },
    h('th', { scope: 'row' }, h('code', null, name(f.feature))),
    h('td', { class: 'nw' }, f.note ? h('span', { class: 't3' }, f.note) : f.drifted ? chip('attn', 'Drifted', tones[f.severity] === 'idle' ? 'warn' : tones[f.severity], true) : chip('dot', 'Steady', 'idle', true)),
    h('td', { 'data-label': 'size' }, h('div', { class: f.drifted ? tones[f.severity] : 'idle' }, meter(f.excess_psi, [0.05, 0.1], 0.4, `excess PSI ${num(f.excess_psi, 3)}, small from 0.05, large from 0.1`)), h('span', { class: 'sm t3' }, `${num(f.excess_psi, 3)}, ${f.severity}`)),
    h('td', { class: 'n nw', 'data-label': 'missing' }, `${pct(f.missing_ref)} → ${pct(f.missing_cur)}`),
    h('td', { class: 'n', 'data-label': 'outside the reference' }, pct(f.outside)));
  return card(title, `${int(d.drifted_features)} of ${int(d.features)} drift in the last ${int(drift.n)} predictions`,
    h('table', { class: 'stack' }, h('thead', null, h('tr', null, ['Feature', 'State', 'Excess PSI'].map((t) => h('th', { scope: 'col' }, t)), ['Missing', 'Outside'].map((t) => h('th', { scope: 'col', class: 'n' }, t)))),
      h('tbody', null, rows.map(row), drift.score && drift.score.feature !== undefined && row({ ...drift.score, feature: 'score of ' + d.champion }))));
}

function slices(d) {
  const all = (d.signals || []).filter((s) => s.name === 'loss' && s.slice && !s.unknown).sort((a, b) => b.value - a.value);
  if (!all.length) return null;
  return card('Slices', 'declared loss a row, worst first; intervals are 99.9 %',
    h('table', null, h('thead', null, h('tr', null, h('th', { scope: 'col' }, 'Slice'), ['Loss', 'Interval', 'Labels'].map((t) => h('th', { scope: 'col', class: 'n' }, t)))),
      h('tbody', null, all.slice(0, 12).map((s) => h('tr', { key: s.slice }, h('th', { scope: 'row' }, h('code', null, name(s.slice))), h('td', { class: 'n b' }, num(s.value)), h('td', { class: 'n t2' }, range(s)), h('td', { class: 'n' }, int(s.n)))))));
}

function decided(d) {
  const it = d.decision;
  if (!it || !it.at || !it.sentence) return card('Last decision', '', h('p', { class: 'empty' }, 'Nothing was decided yet: triggers are looked at as labels come.'));
  return card('Last decision', [when(it.at, now()), ` by ${it.by}`], h('div', { class: 'body' }, h('p', null, it.sentence)), it.reasons && reasons(it.reasons));
}

function past(r, id) {
  const all = r.data && r.data.runs;
  if (r.error && !all) return card('Runs', '', h('div', { class: 'body' }, problem(r.error, () => r.load())));
  if (!all || !all.length) return card('Runs', '', h('p', { class: 'empty' }, all ? ['Runs will be listed here, newest first. One starts by itself when a trigger fires; ', h('code', null, `hone run ${id}`), ' starts one by hand.'] : ''));
  return card('Runs', `the newest ${int(all.length)}`, h('ol', { class: 'log' }, all.map((run) => h('li', { key: run.run },
    h('span', { class: 't3 nw' }, when(run.started, now()), h('span', { class: 'sm block' }, span(Math.max(0, (Date.parse(run.ended || new Date(now())) - Date.parse(run.started)) / 1000)))),
    h('span', null, link(`/m/${encodeURIComponent(id)}/runs/${encodeURIComponent(run.run)}`, 'b', run.run), ' ', runChip(run, true), h('span', { class: 't3' }, ` ${words(run.decision.trigger)}`), h('span', { class: 'block' }, run.sentence))))));
}

function heard(r) {
  const all = r.data && (r.data.events || []);
  if (r.error && !all) return card('Audit', '', h('div', { class: 'body' }, problem(r.error, () => r.load())));
  if (!all || !all.length) return card('Audit', '', h('p', { class: 'empty' }, all ? 'Each change of this model will stand here, with who made it.' : ''));
  return card('Audit', ['newest first; ', link('/audit', '', 'the whole chain')], events(all.slice(-40).reverse(), now()));
}
