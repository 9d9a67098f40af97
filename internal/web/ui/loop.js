// The picture of the loop: eight stations with this run's numbers, and the lane
// on which feedback comes back.
import {h, icon, list, small} from './dom.js';
import {int, num, pct, rate, signed, span, seconds, when, words} from './fmt.js';
import {tally} from './evidence.js';
import {age, now} from './live.js';

const station = {collecting: 2, validating: 2, training: 3, evaluating: 4, deciding: 5, awaiting_approval: 5, shadow: 6, canary: 6};
const order = ['collecting', 'validating', 'training', 'evaluating', 'deciding', 'awaiting_approval', 'shadow', 'canary'];

// progress says how far the step of a rollout has come.
function progress(run, health) {
	const r = run.rollout, step = r?.steps[r.step];
	if (!step) return ['', ''];
	if (step.shadow) return [`Shadow ${health ? `${int(health.canary.requests)} of ` : ''}${int(step.shadow)}`, 'requests, unseen'];
	return [`Canary ${pct(step.weight, 0)}`, health ? `${int(health.canary.requests)} requests, ${int(health.canary.faults)} faults` : `step ${r.step + 1} of ${r.steps.length}`];
}

// signal finds one of a model's facts.
function signal(d, name) {
	return d.signals.find(s => s.name === name && !s.slice);
}

function texts(d, run, dataset) {
	const decision = run ? run.decision : d.decision, loss = decision.reasons?.find(r => r.trigger === 'recoverable_loss');
	const trained = seconds(run?.took?.training);
	const e = run?.evaluation, v = run?.verdicts?.length ? tally(run.verdicts) : null;
	const busy = s => run?.state === s;
	const roll = run ? progress(run, d.health) : ['', ''];
	return [
		['Monitor', d.champion ? `${int(d.drifted_features)} of ${int(d.features)} drift` : 'no champion', `${int(d.new_labels)} new labels`],
		['Trigger', run ? words(run.decision.trigger) : loss ? `${num(Math.max(loss.value, 0))} of ${num(loss.limit)}` : 'not due', run ? when(run.decision.at, now()) : loss ? 'recoverable loss, at least' : ''],
		['Dataset', dataset ? `${int(dataset.train_rows)} rows` : busy('collecting') || busy('validating') ? words(run.state) : '', dataset ? `${int(dataset.holdout_rows)} held out` : ''],
		['Train', trained ? span(trained) : busy('training') ? span(age(run.since)) : '', run ? run.candidate || run.twin || (d.training?.step ? `step ${int(d.training.step)}` : '') : ''],
		['Evaluate', e?.loss && e.champion ? `${signed(e.loss.diff)} loss` : e?.loss ? `${num(e.loss.candidate)} loss` : '', e?.loss ? `${int(e.loss.n)} paired rows` : ''],
		['Gate', v ? v.text : '', busy('awaiting_approval') ? 'waits for a person' : v ? v.extra : ''],
		['Rollout', run?.state === 'closed' ? words(run.ending) : roll[0], run?.state === 'closed' ? run.candidate : run?.rollout?.paused ? 'paused' : roll[1]],
		['Gateway', rate(d.predictions_per_second), d.champion ? `champion ${d.champion}` : 'nothing served'],
	];
}

// picture draws the loop for the open run, or for the last one, whose numbers
// then stand grey.
export function picture(d, dataset) {
	const run = d.open_run || d.last_run || null, open = Boolean(d.open_run);
	const at = open ? station[run.state] : 0;
	const reached = run && !open ? Math.max(...order.filter(s => run.took?.[s]).map(s => station[s]), 1) : at;
	const bad = run && !open && run.ending !== 'promoted';
	const delay = signal(d, 'label_delay.p50');
	const lane = list(`${int(d.new_labels)} labels since ${d.champion || 'the start'} was trained`, delay && (delay.unknown || `half of them within ${span(delay.value)}`));
	return h('section.card', {key: 'loop', 'aria-label': 'The loop'},
		h('h2.vh', open ? `The loop: ${run.run} is ${words(run.state)}` : run ? `The loop: ${run.run} was the last run` : 'The loop: no run yet'),
		h('ol.loop', texts(d, run, dataset).map(([title, big, sub], i) => {
			let state = 'todo', mark = 'dot';
			if (open && i < at) [state, mark] = ['done', 'ok'];
			if (i === at) [state, mark] = ['now', open ? (run.state === 'awaiting_approval' ? 'person' : i === 6 ? 'canary' : 'work') : 'clock'];
			if (!open && i === 0 && !d.champion) [state, mark] = ['now', 'new'];
			if (!open && bad && i === reached && i > 0) [state, mark] = ['stop', 'fail'];
			return h('li', {class: state, key: title, 'aria-current': state === 'now' ? 'step' : null},
				h('h3', title), h('span.pin', icon(mark)),
				h('p', h('span.b', big), state === 'stop' && h('span.vh', ' stopped here'), sub && small(sub)));
		})),
		h('p.back', h('span', '◂ feedback', h('span.large', ': ' + lane))));
}
