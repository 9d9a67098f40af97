// One answer: who made it, from what, approved by whom? And the audit chain.
import {h, body, chip, code, enc, link, list, modelPath, pairs, runPath, small, verdict} from './dom.js';
import {capital, int, num, span, when, words} from './fmt.js';
import {now, Resource} from './live.js';
import {card, failed, waiting} from './words.js';
import {events, tally} from './evidence.js';
import {newest} from './model.js';

export function trace(id) {
	const opened = Date.now(), it = new Resource('/api/v1/trace/' + enc(id));
	return {
		crumbs: [['Trace'], [id]],
		start: () => it.load(),
		stop: () => it.stop(),
		changed(kind) {if (kind === 'again' && it.error) it.refresh();},
		title: () => 'Trace · ' + id,
		view() {
			const t = it.data;
			if (!t) return it.error ? failed(it, 'The trace', `There is no prediction ${id}.`) : waiting(opened, true);
			const p = t.prediction, said = (t.feedback || []).map(f => h('li', {key: f.seq}, h('span.t3', when(f.time, now())), h('span', `${f.kind} ${f.value}`, small(list(f.source, f.effect)))));
			const shown = v => (v === null || v === '' ? h('span.t3', 'missing') : String(v));
			return [
				verdict(t.sentence, '', [h('span', 'prediction ', code(p.prediction_id)), link(modelPath(p.model), '', p.model), h('span', when(p.time, now()))]),
				card('The chain', 'from the answer back to its evidence', h('ol.chain', links(t))),
				h('div.two', {key: 'two'},
					h('div', card('In words', '', h('ol.log', (t.steps || []).map((s, i) => h('li', {key: i}, h('span.t3', `${i + 1} of ${t.steps.length}`), h('span', s)))))),
					h('div', card('Features as served', '', t.withheld ? h('p.empty', t.withheld) : body(pairs(Object.entries(t.features || {}).map(([k, v]) => [code(k), shown(v)])))),
						card('Feedback', '', said.length ? h('ol.log', said) : h('p.empty', t.withheld || 'No label or other feedback has come for this answer.')))),
			];
		},
	};
}

function links(t) {
	const p = t.prediction, r = t.run, v = t.version, out = [];
	const add = (title, big, note) => out.push(h('li', {key: title}, h('h3.t3', title), h('p.b', big), note && h('p.sm.t2', note)));
	add('Answer', t.answer || 'none', list(p.scores?.length && `scores ${p.scores.slice(0, 4).map(x => num(x)).join(', ')}`, t.label && `it was ${t.label}`));
	add('Route', words(p.route), p.latency_ns ? span(p.latency_ns / 1e9) : p.fault);
	if (v) add('Version', code(v.version), `artefact ${String(v.artefact).slice(0, 12)}, ${v.format}`);
	if (r) {
		add('Run', link(runPath(r.model, r.run), '', r.run), when(r.started, now()));
		add('Trigger', capital(words(r.decision.trigger)), `by ${r.decision.by}`);
	}
	if (t.dataset) add('Dataset', `${int(t.dataset.train_rows)} rows`, code(String(t.dataset.dataset).slice(0, 12)));
	if (r?.verdicts?.length) {const g = tally(r.verdicts); add('Gates', chip(g.icon, g.text, g.tone, true), g.extra);}
	for (const m of (t.alias_history || []).slice(-2)) add(`Made ${m.alias}`, `by ${m.by}`, when(m.at, now()));
	return out;
}

export function audit() {
	const opened = Date.now(), list = new Resource(() => newest('', 60)), chain = new Resource('/api/v1/audit/verify', 10000);
	const load = () => {list.load(); chain.load();};
	return {
		crumbs: [['Audit']],
		start: load,
		stop() {list.stop(); chain.stop();},
		changed(kind) {if (kind === 'audit' || kind === 'again') {list.refresh(); chain.refresh();}},
		title: () => (chain.data && !chain.data.whole ? 'Broken · Audit' : 'Audit'),
		view() {
			const v = chain.data, all = list.data && (list.data.events || []);
			if (!v && !all) return list.error ? failed(list, 'The audit chain') : waiting(opened, true);
			return [
				verdict(v ? v.sentence : 'The chain is being checked.', '', v && [chip(v.whole ? 'ok' : 'fail', v.whole ? 'Chain whole' : 'Chain broken', v.whole ? 'good' : 'bad'), h('span', 'checked ', when(chain.at, now()))]),
				card('Events', 'newest first', all?.length ? events(all.slice(-200).reverse(), now()) : h('p.empty', 'Each change will stand here: who made it, what it was, and why.')),
			];
		},
	};
}
