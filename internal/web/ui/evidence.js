// Reasons, verdicts and comparisons: each number beside its limit, each finding
// with its sentence.
import {h, body, chip, code, list, pairs, small, table} from './dom.js';
import {capital, int, num, pct, signed, span, value, when, words} from './fmt.js';
import {resultChip} from './words.js';
import {whisker} from './draw.js';

// verdicts lists gates in the order in which they are read.
export function verdicts(all) {
	return table('stack', ['Result', '!Gate', '>Value', '>Limit', 'Interval and limit', 'In words'], all.map(v => {
		const bare = v.lower === undefined && v.upper === undefined, measured = v.n > 0 || v.value !== 0;
		const limited = v.limit !== 0 || !bare || ['quality', 'slice', 'faults', 'anchors'].includes(v.gate);
		const over = /exposure|\.min(_change)?$/.test(v.gate) || (v.result === 'pass' && v.value > v.limit) || (v.result === 'fail' && v.value < v.limit);
		const unit = ['share', 'bytes', 'ns', 's'].includes(v.unit) ? '' : v.unit;
		return [v.gate + '/' + (v.slice || ''),
			resultChip(v.warns && v.result !== 'pass' ? 'warns' : v.result, true),
			[capital(words(v.gate)), v.slice && small(v.slice), small(list(v.n > 0 && `n = ${int(v.n)}`, v.need > 0 && `about ${int(v.need)} more`))],
			measured ? [value(v.value, v.unit), unit && small(' ' + unit)] : v.result === 'inconclusive' && 'unknown',
			limited ? {cls: 'nw', of: value(v.limit, v.unit)} : 'none',
			{cls: {pass: 'good', fail: 'bad'}[v.result] || 'hold', of: limited && measured && whisker(v.value, bare ? v.value : v.lower || 0, bare ? v.value : v.upper || 0, v.limit, over, `${words(v.gate)} ${value(v.value, v.unit)}, limit ${value(v.limit, v.unit)}`)},
			{cls: 't2', of: capital(v.sentence)}];
	}));
}

// tally says how many verdicts passed.
export function tally(all) {
	const passed = all.filter(v => v.result === 'pass').length, warns = all.filter(v => v.warns && v.result !== 'pass').length, failed = all.filter(v => v.result === 'fail' && !v.warns).length, open = all.length - passed - warns - failed;
	return {text: `${passed} of ${all.length} pass`, extra: list(failed && `${failed} failed`, open && `${open} inconclusive`, warns && `${warns} warn`), tone: failed ? 'bad' : open ? 'hold' : 'good', icon: failed ? 'fail' : open ? 'hold' : 'ok'};
}

// reasons lists what each trigger and guard said.
export function reasons(all) {
	return table('stack', ['Said', '!Rule', '>Value', '>Limit', 'In words'], all.map((r, i) => {
		const said = r.guard ? (r.fired ? ['pause', 'Holds back', 'warn'] : ['ok', 'Lets pass', 'idle']) : r.fired ? ['attn', r.depth ? 'Holds' : 'Fires', 'warn'] : ['dot', r.unknown ? 'Cannot tell' : 'Quiet', 'idle'];
		return [i + '/' + (r.trigger || '') + '/' + (r.guard || ''), chip(...said, true), [capital(words(r.guard || r.trigger)), small(r.guard ? 'guard' : 'trigger')], r.limit || r.value ? num(r.value) : '', r.limit ? num(r.limit) : 'none', {cls: 't2', of: r.sentence}];
	}));
}

// paired says how two versions compare on the same rows.
export function paired(p) {
	if (!p || !p.n) return [['Compared rows', 'none yet']];
	return [
		['Compared rows', int(p.n)],
		['Loss a row', `${num(p.candidate)} against ${num(p.champion)} of the champion`],
		['Difference', `${signed(p.diff)} (${signed(p.lower)} to ${signed(p.upper)}, 95 %); less is better`],
		['Answers', `${int(p.gains)} newly right, ${int(p.flips)} newly wrong`],
		['McNemar p', num(p.p_value)],
		['e-values', `better ${num(p.e_better)}, worse ${num(p.e_worse)}; 20 is strong`],
	];
}

// metrics compares both versions metric by metric.
export function metrics(all) {
	const write = (m, x) => (m.metric.startsWith('accuracy') ? pct(x) : num(x));
	return table(null, ['!Metric', '>Candidate', '>Champion', '>Rows'], all.map(m => [m.metric, [words(m.metric), small(m.higher_is_better ? 'more is better' : 'less is better')], write(m, m.candidate), write(m, m.champion), int(m.n)]));
}

// arms compares how both sides of a rollout step answer.
export function arms(health, shadow) {
	const c = health.canary, k = health.control, slow = health.slower_than_ns;
	const rows = [['Requests', int(c.requests), shadow ? 'as served' : int(k.requests)], !shadow && ['Different users', int(c.units), int(k.units)], ['Faults', int(c.faults), int(k.faults)],
		slow > 0 && [`Slower than ${span(slow / 1e9)}`, int(c.slow), int(k.slow)], ['Latency p50', span(c.p50_ns / 1e9), span(k.p50_ns / 1e9)], ['Latency p99', span(c.p99_ns / 1e9), span(k.p99_ns / 1e9)],
		shadow && ['Same answer', c.requests ? pct(health.agree / c.requests) : 'none yet', '']].filter(Boolean);
	return [table(null, ['!Health of the step', '>Candidate', '>Control'], rows.map(r => [r[0], ...r])), c.fault && body(pairs([['A fault', code(c.fault)]]))];
}

// events lists audit events, newest first.
export function events(all, at) {
	return h('ol.log', all.map(e => h('li', {key: e.seq}, h('span.t3.nw.at', when(e.at, at)), h('span', e.sentence, small(`${e.actor || 'hone'} · ${e.action} · ${e.seq}`)))));
}
