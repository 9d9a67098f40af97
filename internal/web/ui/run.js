// One run: why did it start, where is it, is the candidate better, what is
// missing?
import {h, body, chip, code, enc, fold, modelPath, name, pairs, small, table, verdict} from './dom.js';
import {capital, int, num, unitOf, pct, seconds, span, value, when, words} from './fmt.js';
import {age, get, now, Resource} from './live.js';
import {card, empty, failed, ofRun, runChip, waiting} from './words.js';
import {answer, button, forRun} from './act.js';
import {arms, metrics, paired, reasons, tally, verdicts} from './evidence.js';
import {weights} from './draw.js';

const order = ['collecting', 'validating', 'training', 'evaluating', 'deciding', 'awaiting_approval', 'shadow', 'canary'];

export function run(modelID, id) {
	const opened = Date.now(), run = new Resource('/api/v1/runs/' + enc(id)), detail = new Resource('/api/v1/models/' + enc(modelID));
	let redraw = () => {}, manifest = null, asked = '';
	const refresh = () => {run.refresh(); detail.refresh();};

	function dataset(r) {
		if (r.dataset && asked !== r.dataset) {
			asked = r.dataset;
			get('/api/v1/datasets/' + r.dataset).then(d => {manifest = d; redraw();}, () => {});
		}
		return manifest;
	}

	return {
		crumbs: [[modelID, modelPath(modelID)], [id]],
		start(draw) {redraw = draw; run.load(); detail.load();},
		stop() {run.stop(); detail.stop();},
		title: () => (run.data ? `${ofRun(run.data)[1]} · ${id}` : id),
		changed(kind, data) {
			if (kind === 'again' || (kind === 'audit' && data.model === modelID) || (kind === 'status' && run.data?.state !== 'closed')) refresh();
		},
		view() {
			const r = run.data;
			if (!r) return run.error ? failed(run, id, `There is no run ${id}.`) : waiting(opened, true);
			const d = detail.data, mine = d?.open_run?.run === r.run ? d : null, open = r.state !== 'closed';
			return [
				verdict(r.sentence || capital(words(r.state)), '', about(r), open && forRun(r, r.champion).map(a => button(a, () => {refresh(); redraw();}))),
				answer() && h('p.note.good', {key: 'answer'}, answer()),
				open && r.rollout?.ask && h('p.note.warn', {key: 'ask'}, capital(r.rollout.ask)),
				steps(r),
				h('div.two', {key: 'two'},
					h('div', gates(r), r.evaluation && evaluation(r.evaluation), won(r), r.spent && spent(r.spent), started(r.decision)),
					h('div', r.rollout && rollout(r, mine), mine?.training && r.state === 'training' && training(mine.training), data(r, dataset(r)))),
			];
		},
	};
}

function about(r) {
	const fact = (...kids) => h('span', kids);
	return [runChip(r), fact('started ', when(r.started, now()), ` by ${words(r.decision.trigger)}`), r.champion ? fact('champion then ', code(r.champion)) : fact('no champion then'),
		(r.candidate || r.twin) && fact('candidate ', code(r.candidate || r.twin)), r.ended && fact(`took ${span(age(r.started) - age(r.ended))}`)];
}

function steps(r) {
	const open = r.state !== 'closed', took = r.took || {}, at = order.indexOf(r.state);
	const planned = s => (s === 'shadow' || s === 'canary' ? r.champion && (!r.rollout || r.rollout.steps.some(x => (s === 'shadow') === x.shadow > 0)) : s !== 'awaiting_approval');
	const shown = order.filter(s => took[s] || s === r.state || (open && order.indexOf(s) > at && planned(s)));
	const step = (key, state, word, time) => h('li', {key, class: state, 'aria-current': state === 'now' ? 'step' : null}, h('div.bar'), h('span.b', word), small(time));
	return h('section.card', {key: 'steps', 'aria-label': 'Steps'}, h('h2.vh', 'Steps'),
		h('ol.steps', shown.map(s => {
			const here = s === r.state;
			return step(s, here ? 'now' : took[s] ? 'done' : 'todo', capital(words(s)), here || took[s] ? span(seconds(took[s]) + (here ? age(r.since) : 0)) : 'to come');
		}), step('closed', open ? 'todo' : r.ending === 'promoted' ? 'done' : 'bad', open ? 'Closed' : chip(...ofRun(r), true), open ? 'to come' : when(r.ended, now()))));
}

const scroller = (label, ...kids) => h('div.scroll', {tabindex: 0, role: 'region', 'aria-label': label}, kids);

function gates(r) {
	if (!r.verdicts || !r.verdicts.length) return empty('Gates', r.state === 'closed' ? `No gate was reached: the run was ${words(r.ending)} before.` : 'The gates judge the candidate once it is trained and compared with the champion on the same rows.');
	const t = tally(r.verdicts);
	return card('Gates', [chip(t.icon, t.text, t.tone), ' ', t.extra], scroller('Verdicts', verdicts(r.verdicts)));
}

function evaluation(e) {
	const re = e.replay || {}, fails = e.anchor_failures || [];
	return card('Evaluation', e.champion ? `${e.candidate} against ${e.champion}, on the same rows` : `${e.candidate}, with no champion to compare`,
		body(pairs([
			...(e.champion ? paired(e.loss) : [['Loss a row', `${num(e.loss.candidate)} on ${int(e.loss.n)} rows`]]),
			['Best constant answer', `${num(e.trivial_loss)} loss a row`],
			e.anchor_cases > 0 && ['Anchor cases', `${int(fails.length)} of ${int(e.anchor_cases)} wrong`],
			re.requests > 0 && ['Replay', `${int(re.requests)} requests, p99 ${span(re.candidate_p99_ns / 1e9)}${re.champion_p99_ns ? ` against ${span(re.champion_p99_ns / 1e9)}` : ''}, memory ${value(re.candidate_bytes, 'bytes')}, ${int(re.faults)} faults`],
			re.fault && ['A fault', code(re.fault)]])),
		e.champion && e.metrics?.length > 0 && metrics(e.metrics),
		fails.length > 0 && fold('anchor cases that are wrong', h('ul', fails.slice(0, 50).map(f => h('li', {key: f.case}, code(name(f.case)), ` wants ${f.want}, got ${f.got}`, f.champion_failed_too && ', as the champion did')))));
}

// won is what the run won back, or was to, as far as that is known.
function won(r) {
	const f = r.decision.forecast;
	if (r.receipt) return receipt(r.receipt);
	if (f?.unknown) return empty('Receipt', `There is none, since nothing was forecast: ${f.unknown}.`);
	return f && card('Forecast', `for ${int(f.rows)} labelled rows, in units of loss won back`, body(pairs([forecast(f, 1)])));
}

const forecast = (f, share) => ['Forecast', [`${num(share * f.gain)}, ${num(share * f.lower)} to ${num(share * f.upper)} in four of five cases`, f.aside && '; it is not what started the run']];

// receipt holds what the run won back against what it was to.
function receipt(r) {
	const f = r.forecast, share = r.rows / f.rows, worth = r.promised ? r.promised / f.gain : share, unit = unitOf(r);
	return card('Receipt', r.over ? `over ${int(r.rows)} labelled rows` : `${int(r.rows)} of ${int(f.rows)} labelled rows so far`,
		body(pairs([
			['Won back', `${num(worth / share * r.gain)} ${unit}`],
			forecast(f, worth),
			r.cost > 0 && ['The run cost', `${num(r.cost)} ${unit}`]])));
}

// spent is what the run has cost, as far as it is measured.
function spent(s) {
	return card('Cost', 'as measured', body(h('p', {'data-spent': true}, s.sentence), pairs([
		['Processor hours', num(s.core_hours)],
		s.said_by_trainer > 0 && ['The trainer says', `${num(s.said_by_trainer)} ${unitOf(s)}`],
		s.labels > 0 && ['Labels asked for', `${int(s.labels)}, ${num(s.labels_cost || 0)} ${unitOf(s)}`],
		s.cost > 0 && ['Sum', `${num(s.cost)} ${unitOf(s)}`]])));
}

const stepWords = s => (s.shadow ? `shadow ${int(s.shadow)} requests` : pct(s.weight || 0, 0));

function rollout(r, mine) {
	const o = r.rollout, at = o.steps[o.step] || {}, open = r.state !== 'closed', share = at.weight || 0, control = Math.min(share, 1 - share), health = open && mine?.health;
	return card('Rollout', `of ${o.version}${o.paused ? ', paused' : ''}`,
		body(pairs([
			['Steps', o.steps.map((s, i) => [i > 0 && ' · ', i === o.step && open ? h('span.b', stepWords(s), h('span.vh', ' (under way)')) : stepWords(s), (i < o.step || r.ending === 'promoted') && ' ✓'])],
			open && ['This step', ['since ', when(o.since, now()), at.max_wait && `; at most ${span(seconds(at.max_wait))}, then ${at.on_insufficient || 'hold'}`]],
			open && o.outlook?.sentence && ['It can see', o.outlook.sentence]]),
		share > 0 && open && [weights(share, 400), h('p.sm.t2', h('span.b', `${o.version} ${pct(share, 0)}`), ` · control ${pct(control, 0)} · ${r.champion} ${pct(Math.max(0, 1 - share - control), 0)}`)]),
		health && arms(health, at.shadow > 0),
		health?.quality?.n > 0 && body(pairs(paired(health.quality))),
		o.verdicts?.length > 0 && scroller('Verdicts of the step', verdicts(o.verdicts)));
}

function training(t) {
	return card('Training', t.version, body(h('p', t.step ? `Step ${int(t.step)}` : 'No progress was reported yet', Object.entries(t.values || {}).map(([k, v]) => ` · ${words(k)} ${num(v)}`))),
		t.lines?.length > 0 && h('pre', {tabindex: 0, role: 'region', 'aria-label': 'Lines of the trainer, newest first'}, t.lines.slice(-60).reverse().join('\n')));
}

function data(r, d) {
	if (!r.dataset) return empty('Dataset', r.state === 'closed' ? 'The run closed before its rows were frozen.' : 'The rows are being collected.');
	const c = d ? d.recipe : {};
	return card('Dataset', code(String(r.dataset).slice(0, 12)),
		d && body(pairs([['Training rows', int(d.train_rows)], ['Held out', int(d.holdout_rows)], d.anchor_rows > 0 && ['Anchor cases', int(d.anchor_rows)], ['Window', `${int(c.window_rows)} rows${c.window_by ? ', by ' + words(c.window_by) : ''}`], c.history_rows > 0 && ['From before', `${int(c.history_rows)} rows`], ['Labels up to', when(c.mature_at, now())], d.classes && ['Classes', d.classes.slice(0, 12).join(', ')]])),
		d?.checks && h('ul.body.checks', d.checks.map(k => h('li', {key: k.rule + (k.about || '')}, chip(k.passed ? 'ok' : k.level === 'ask' ? 'person' : k.level === 'warn' ? 'attn' : 'fail', words(k.rule), k.passed ? 'good' : k.level === 'ask' || k.level === 'warn' ? 'warn' : 'bad', true), h('span.t2', capital(k.sentence), k.passed_over && ' A forced run passed over it.')))));
}

function started(d) {
	return card('Why it started', [when(d.at, now()), ` by ${d.by}`], body(h('p', d.sentence), d.loss_rate > 0 && h('p.t2', `Each row answered by the stale champion is thought to lose ${num(d.loss_rate)}.`)),
		d.reasons && reasons(d.reasons),
		d.signals?.length > 0 && fold(`evidence: ${int(d.signals.length)} signals, ${int((d.ticks || []).length)} ticks`,
			table(null, ['!Signal', '>Value', '>Rows'], d.signals.slice(0, 80).map(s => [s.name + '/' + (s.slice || ''), code(s.name, s.slice ? ' ' + s.slice : ''), s.unknown ? 'unknown' : num(s.value), int(s.n)]))));
}
