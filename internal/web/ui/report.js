// What Hone saved or lost against other common policies, as the server reckons it.
import {h, body, chip, small, table} from './dom.js';
import {int, num, signed, unitOf} from './fmt.js';
import {card, empty, problem} from './words.js';

const verdicts = {saved: ['ok', 'Saved', 'good'], lost: ['attn', 'Lost', 'warn'], same: ['dot', 'The same', 'idle'], unknown: ['hold', 'Cannot tell', 'hold']};
const policies = {schedule: ['Weekly schedule', 'Mondays, 03:00 UTC'], psi: ['PSI', 'over 0.2 in a feature'], adwin: ['ADWIN', 'the loss rose'], performance: ['Performance', 'loss surely a tenth over its baseline']};

function row(a) {
	const told = a.looks > a.untold, [title, rule] = policies[a.kind] || [a.kind, ''];
	return [a.kind, chip(...verdicts[a.verdict], true), [title, small(rule)],
		told && num(a.retrains), told && num(a.cost), told && num(a.won_back),
		a.verdict !== 'unknown' && [signed(a.saved), a.upper > a.lower && small(`${num(a.lower)} to ${num(a.upper)}`)],
		{cls: 't2', of: a.sentence}];
}

// objective says what the model cost all in all, part by part.
function objective(o, unit) {
	return table('stack', ['!Objective', '>Cost', 'What of'], [
		['staleness', 'Staleness', num(o.staleness), {cls: 't2', of: `${int(o.labelled_rows)} labelled rows`}],
		['training', 'Training', num(o.training), {cls: 't2', of: `${int(o.runs)} ${o.runs === 1 ? 'run' : 'runs'}`}],
		['labels', 'Labels', num(o.labels), {cls: 't2', of: `${int(o.labels_asked)} asked for`}],
		['availability', 'Availability', num(o.availability), {cls: 't2', of: `${int(o.refused)} refused, ${int(o.degraded)} degraded`}],
		['objective', h('span.b', 'Objective'), h('span.b', num(o.objective)), {cls: 't2', of: unit}]]);
}

// report is the card of a model's last seven days.
export function report(r) {
	const title = 'Against other policies', c = r.data?.reports?.[0];
	if (!c) return r.error ? card(title, '', body(problem(r.error, () => r.load()))) : empty(title);
	return card(title, `the last 7 days, in ${unitOf(c)}; an estimate by the champion’s probe`,
		body(h('p', {'data-report': true}, c.sentence)),
		c.objective && objective(c.objective, unitOf(c)),
		table('stack', ['Verdict', '!Policy', '>Retrains', '>Cost', '>Won back', '>Saved', 'In words'], c.policies.map(row)));
}
