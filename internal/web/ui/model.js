// One model: is it going stale, since when, at what cost, what changed, what now?
import {h, body, chip, code, enc, link, name, runPath, small, table, verdict} from './dom.js';
import {int, num, pct, range, span, when, words} from './fmt.js';
import {age, find, get, live, now, Resource} from './live.js';
import {card, empty, failed, ofModel, problem, runChip, waiting} from './words.js';
import {answer, button, forModel, forRun} from './act.js';
import {events, reasons} from './evidence.js';
import {picture} from './loop.js';
import {meter} from './draw.js';
import {report} from './report.js';
import {timeline} from './timeline.js';

export function model(id) {
	const base = '/api/v1/models/' + enc(id), opened = Date.now();
	const metricName = () => {const m = find(id) || detail.data; return m?.task === 'regression' ? 'mae' : 'accuracy';};
	const detail = new Resource(base, 900);
	const quality = series(base, metricName);
	const loss = series(base, () => 'recoverable_loss');
	const runs = new Resource(`${base}/runs?limit=20`, 1500);
	const versions = new Resource(`${base}/versions`, 1500);
	const audit = new Resource(async () => newest(id, 20), 1500);
	const incidents = new Resource(`${base}/incidents?limit=10`, 1500);
	const against = new Resource('/api/v1/report?model=' + enc(id), 300000);
	const all = [detail, quality, loss, runs, versions, audit, incidents, against];
	const datasets = new Map();
	const charts = timeline();
	let redraw = () => {}, last = '';

	function dataset(run) {
		if (!run || !run.dataset) return null;
		if (!datasets.has(run.dataset)) {
			datasets.set(run.dataset, null);
			get('/api/v1/datasets/' + run.dataset).then(d => {datasets.set(run.dataset, d); redraw();}, () => {});
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
		stop: () => all.forEach(r => r.stop()),
		title() {const m = find(id) || detail.data; return m ? `${ofModel(m)[1]} · ${id}` : id;},
		changed(kind, data) {
			if (kind === 'again') all.forEach(r => {r.at = 0; r.refresh();});
			if (kind === 'audit' && data.model === id) [detail, runs, versions, audit].forEach(r => r.refresh());
			if (kind !== 'status') return;
			const m = JSON.stringify(find(id));
			if (m !== last) [detail, quality, loss, incidents, against].forEach(r => r.refresh());
			last = m;
		},
		view() {
			const d = detail.data;
			if (!d) return detail.error ? failed(detail, id, `There is no model ${id}.`) : waiting(opened, true);
			const m = {...d, ...(live.at > detail.at && find(id)), signals: d.signals || [], ticks: d.ticks || []}, run = d.open_run;
			const acts = run ? forRun(run, m.champion) : forModel(id, m.champion, d.aliases?.previous);
			return [
				verdict(m.sentence, m.lead, about(m, d), [run && link(runPath(id, run.run), 'btn' + (acts.some(a => a.tone === 'p') ? '' : ' p'), `Open ${run.run}`), acts.map(a => button(a, () => {detail.refresh(); redraw();}))]),
				answer() && h('p.note.good', {key: 'answer'}, answer()),
				detail.error && h('div', {key: 'stale'}, problem({...detail.error, title: 'What follows is from ' + new Date(detail.at).toTimeString().slice(0, 5)})),
				picture(m, dataset(run || d.last_run)),
				charts.view(m, {quality: quality.data, loss: loss.data, versions: versions.data, runs: runs.data}, metricName(), redraw),
				h('div.two', {key: 'rest'},
					h('div', features(m), slices(m), decided(m)),
					h('div', past(runs, id), alarmed(incidents))),
				report(against),
				heard(audit),
			];
		},
	};
}

// series is a signal over time: a long stretch first, then what is new.
function series(base, name) {
	const r = new Resource(() => `${base}/signals?name=${name()}&limit=${r.at ? 500 : 3000}`, 3000);
	r.merge = (old, fresh) => {
		const from = fresh.signals?.length ? fresh.signals[0].at : '';
		return {signals: [...old.signals.filter(s => s.at < from), ...(fresh.signals || [])].slice(-6000)};
	};
	return r;
}

// newest reads the end of the audit chain, which is listed oldest first, in
// stretches that grow until there are enough events of the model.
export async function newest(id, want) {
	const of = id ? '&model=' + enc(id) : '';
	const {head} = await get('/api/v1/audit?limit=1');
	for (let back = want * 4; ; back *= 4) {
		const after = Math.max(0, head - back), url = `/api/v1/audit?after=${after}&limit=10000${of}`;
		if (after === 0) return url;
		const got = await get(url);
		if (got.events?.length >= want) return url;
	}
}

function about(m, d) {
	return [
		h('span', `${m.task} · ${int(m.features)} features`),
		m.owner && h('span', {'data-owner': true}, 'owner ', name(m.owner)),
		m.champion && h('span', 'champion ', code(m.champion), m.champion_since && h('span.ago', `, for ${span(Math.floor(age(m.champion_since)))}`)),
		d.probation && !d.probation.over && h('span', `probation: ${int(d.probation.quality.n)} of ${int(d.probation.labels)} labels`),
		d.next_schedule && h('span', 'next by schedule: ', when(d.next_schedule, now()))];
}

const tones = {none: 'warn', small: 'warn', large: 'bad'};

function feature(f) {
	const size = Math.max(f.excess_psi, f.text?.topic_excess_psi || 0);
	return [f.feature, code(name(f.feature)),
		{cls: 'nw', of: f.note ? h('span.t3', f.note) : chip(...(f.drifted ? ['attn', 'Drifted', tones[f.severity]] : ['dot', 'Steady', 'idle']), true)},
		{cls: f.drifted ? tones[f.severity] : 'idle', of: [meter(size, [0.05, 0.1], 0.4, `excess PSI ${num(size, 3)}, small from 0.05, large from 0.1`), small(`${num(size, 3)}, ${f.severity}`)]},
		{cls: 'nw', of: `${pct(f.missing_ref)} → ${pct(f.missing_cur)}`}, pct(f.outside)];
}

function features(d) {
	const drift = d.drift || {}, all = drift.features || [], rank = f => (f.drifted ? 1e3 : 0) + Math.max(f.excess_psi, f.text?.topic_excess_psi || 0);
	if (!d.champion) return empty('Features', 'Drift is judged against what the champion was trained on; there is no champion yet.');
	if (drift.unknown || !all.length) return empty('Features', `Drift is unknown: ${drift.unknown || 'no window was judged'}. ${int(d.window_predictions)} of ${int(d.config.monitor.window)} predictions of the next window are in.`);
	const rows = [...all].sort((a, b) => rank(b) - rank(a));
	if (drift.score?.severity) rows.push({...drift.score, feature: 'score of ' + d.champion});
	return card('Features', `${int(d.drifted_features)} of ${int(d.features)} drift in the last ${int(drift.n)} predictions`,
		table('stack', ['!Feature', 'State', 'Excess PSI', '>Missing', '>Outside'], rows.map(feature)));
}

function slices(d) {
	const all = d.signals.filter(s => s.name === 'loss' && s.slice && !s.unknown).sort((a, b) => b.value - a.value);
	return all.length > 0 && card('Slices', 'declared loss a row, worst first; intervals are 99.9 %', table(null, ['!Slice', '>Loss', '>Interval', '>Labels'], all.slice(0, 12).map(s => [s.slice, code(name(s.slice)), {cls: 'b', of: num(s.value)}, {cls: 't2', of: range(s)}, int(s.n)])));
}

function decided(d) {
	const it = d.decision;
	if (!it || !it.at || !it.sentence) return empty('Last decision', 'Nothing was decided yet: triggers are looked at as labels come.');
	return card('Last decision', [when(it.at, now()), ` by ${it.by}`], body(h('p', it.sentence)), it.reasons && reasons(it.reasons));
}

function past(r, id) {
	const all = r.data && (r.data.runs || []);
	if (!all) return r.error ? card('Runs', '', body(problem(r.error, () => r.load()))) : empty('Runs');
	if (!all.length) return empty('Runs', 'Runs will be listed here, newest first. One starts by itself when a trigger fires; ', code(`hone run ${id}`), ' starts one by hand.');
	return card('Runs', 'newest first', h('ol.log', all.slice(0, 10).map(run => h('li', {key: run.run},
		h('span.t3.nw', when(run.started, now()), h('span.sm.block.ago', span(age(run.started) - (run.ended ? age(run.ended) : 0)))),
		h('span', link(runPath(id, run.run), 'b', run.run), ' ', runChip(run, true), h('span.t3', ` by ${words(run.decision.trigger)}`), h('span.block', run.sentence))))));
}

// alarmed lists incidents: alarms that came together are one.
function alarmed(r) {
	const all = r.data && (r.data.incidents || []);
	if (!all) return r.error ? card('Incidents', '', body(problem(r.error, () => r.load()))) : empty('Incidents');
	if (!all.length) return empty('Incidents', 'None yet. Alarms that come together will stand here as one incident, with what they are about, until all is calm again.');
	return card('Incidents', 'newest first', h('ol.log', all.map(i => h('li', {key: i.incident, 'data-incident': i.incident},
		h('span.t3.nw', when(i.opened, now()), h('span.sm.block.ago', span(age(i.opened) - (i.closed ? age(i.closed) : 0)))),
		h('span', chip(...(i.closed ? ['ok', 'Over', 'idle'] : ['attn', 'Open', 'warn']), true), h('span.block', i.sentence), i.causes.map(c => h('span.sm.t2.block', {key: c}, c)))))));
}

function heard(r) {
	const all = r.data && (r.data.events || []);
	if (!all) return r.error ? card('Audit', '', body(problem(r.error, () => r.load()))) : empty('Audit');
	if (!all.length) return empty('Audit', 'Each change of this model will stand here, with who made it.');
	return card('Audit', ['newest first; ', link('/audit', '', 'the whole chain')], events(all.slice(-20).reverse(), now()));
}
