// How states, results and endings look: icon, word and tone. Sentences come from
// the server.
import {h, chip, link, verdict} from './dom.js';
import {words, capital} from './fmt.js';

const states = {
	collecting: ['work', 'Collecting'], validating: ['work', 'Validating'], training: ['work', 'Training'], evaluating: ['work', 'Evaluating'],
	deciding: ['clock', 'Deciding'], awaiting_approval: ['person', 'Waiting for approval', 'warn'], shadow: ['canary', 'Shadow'], canary: ['canary', 'Canary'],
};
const endings = {
	promoted: ['ok', 'Promoted', 'good'], rejected: ['fail', 'Rejected', 'bad'], held: ['hold', 'Held', 'hold'], failed: ['fail', 'Failed', 'bad'],
	rolled_back: ['back', 'Rolled back', 'bad'], cancelled: ['pause', 'Cancelled', 'idle'],
};
const results = {pass: ['ok', 'Pass', 'good'], fail: ['fail', 'Fail', 'bad'], inconclusive: ['hold', 'Inconclusive', 'hold'], warns: ['attn', 'Warns', 'warn']};

// triple is icon, word and tone of a run.
export function ofRun(run) {
	if (run.state === 'closed') return endings[run.ending] || ['dot', capital(words(run.ending || 'closed')), 'idle'];
	const [icon, word, tone] = states[run.state] || ['work', capital(words(run.state))];
	if (run.rollout?.ask) return ['person', word + ': waits for a person', 'warn'];
	if (run.rollout?.paused) return ['pause', word + ', paused', 'warn'];
	return [icon, word, tone || 'work'];
}

export function runChip(run, plain) {
	return chip(...ofRun(run), plain);
}

export function resultChip(result, plain) {
	return chip(...(results[result] || ['dot', words(result), 'idle']), plain);
}

export function ofModel(m) {
	if (m.mood === 'needs a person' && m.state !== 'awaiting_approval') return [m.state ? 'person' : 'attn', m.state ? `${capital(words(m.state))}: waits for a person` : 'Needs a person', m.state ? 'warn' : 'bad'];
	if (m.state) return ofRun({state: m.state});
	if (m.mood === 'new') return ['new', 'New', 'new'];
	if (m.mood === 'cannot tell') return ['dot', 'Cannot tell', 'warn'];
	if (m.mood === 'working') return ['work', 'Working', 'work'];
	return ['ok', 'Well', 'good'];
}

// card is a titled part of a page.
export function card(title, note, ...kids) {
	return h('section.card', {key: title, 'aria-label': title}, h('header', h('h2', title), note && h('p', note)), kids);
}

// empty is a part with nothing in it yet, and why.
export function empty(title, ...why) {
	return card(title, '', h('p.empty', why));
}

// problem shows what went wrong and offers to ask again.
export function problem(e, again) {
	return h('div.note.bad', {role: 'alert'},
		h('p.b', `${e.title}${e.detail ? ': ' + e.detail : ''}.`.replace('..', '.')),
		e.hint && h('p.t2', capital(e.hint) + '.'),
		again && h('button.btn', {onclick: again}, 'Try again'));
}

// failed stands for a page whose facts could not be had.
export function failed(r, what, gone) {
	return [verdict(r.error.status === 404 ? gone : what + ' cannot be shown.'), problem(r.error, () => r.load()), link('/', '', 'All models')];
}

// waiting shows nothing for 150 ms, then the outline of what comes.
export function waiting(since, tall) {
	return Date.now() - since < 150 ? null : h('div', {'aria-busy': 'true'}, h('span.vh', 'Loading'), h('div.ghost'), tall && h('div.ghost.tall'));
}
