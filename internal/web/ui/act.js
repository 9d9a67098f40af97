// What a person can do. Each act opens a dialog that says what will happen, asks
// for the reason and, once a session, for the token.
import {enc, h, popup, say} from './dom.js';
import {get} from './live.js';
import {problem} from './words.js';

const key = 'hone-token';
let done = null;

// answer is what the last act came to, shown in place until the next page.
export function answer() {
	return done;
}

export function forget() {
	done = null;
}

// button opens an act's dialog. The act has word, title, effect, path and tone.
export function button(act, changed) {
	return h('button', {class: 'btn ' + (act.tone || ''), key: act.word, type: 'button', onclick: () => ask(act, changed)}, act.word + '…');
}

function ask(act, changed) {
	let error = null, busy = false, needsToken = !sessionStorage.getItem(key);
	const box = popup(act.title, close => h('form', {onsubmit: send, novalidate: true},
		h('p', act.effect),
		error && problem(error),
		h('label', {for: 'act-reason'}, 'Reason'),
		h('textarea', {id: 'act-reason', name: 'reason', rows: 2, maxlength: 1000, required: true}),
		needsToken && [h('label', {for: 'act-token', key: 'label'}, 'Token'), h('input', {key: 'token', id: 'act-token', name: 'token', type: 'password', autocomplete: 'off', required: true, 'aria-describedby': 'act-where'}),
			h('p.sm', {key: 'where', id: 'act-where'}, 'It is in the data folder, in the file ', h('code', 'token'), ', and stays in this tab until you close it.')],
		h('div.btns', h('button.btn', {type: 'button', onclick: close}, 'Leave it'), h('button', {class: 'btn ' + (act.tone === 'd' ? 'd' : 'p'), disabled: busy}, busy ? 'Sending' : act.word))));

	async function send(e) {
		e.preventDefault();
		const {reason, token} = e.target.elements, why = reason.value.trim();
		if (busy) return;
		if (!why) {
			error = {title: 'The reason is missing', hint: 'it goes into the audit chain'};
			box.draw();
			return reason.focus();
		}
		if (needsToken) sessionStorage.setItem(key, token.value.trim());
		busy = true;
		box.draw();
		try {
			done = (await get(act.path, {method: 'POST', headers: {'Content-Type': 'application/json', Authorization: 'Bearer ' + sessionStorage.getItem(key)}, body: JSON.stringify({reason: why})})).sentence;
			say(done);
			box.close();
		} catch (err) {
			error = err;
			busy = false;
			if (err.status === 401 || err.status === 403) {
				sessionStorage.removeItem(key);
				needsToken = true;
			}
			box.draw();
		}
		changed();
	}
}

// forRun lists what can be done with an open run.
export function forRun(run, champion) {
	const at = `/api/v1/runs/${enc(run.run)}/`, candidate = run.candidate || run.twin || 'the candidate';
	const rolling = run.state === 'shadow' || run.state === 'canary', asked = rolling && run.rollout?.ask, waits = run.state === 'awaiting_approval';
	const to = champion ? `${champion} answers all requests` : 'nothing answers requests yet';
	return [
		(waits || asked) && {word: 'Approve', tone: 'p', title: `Approve ${candidate}?`, path: at + 'approve', effect: waits ? (champion ? `${candidate} begins its rollout against ${champion}.` : `${candidate} becomes the first champion of ${run.model}.`) : `${candidate} gets all traffic of ${run.model}; probation watches it after.`},
		(waits || asked) && {word: 'Reject', title: `Reject ${candidate}?`, path: at + 'reject', effect: `${run.run} closes as rejected; ${to}.`},
		rolling && (run.rollout.paused ? {word: 'Resume', title: 'Resume the rollout?', path: at + 'resume', effect: `The rollout of ${candidate} goes on from its present step.`} : {word: 'Pause', title: 'Pause the rollout?', path: at + 'pause', effect: `${candidate} keeps its present share of the traffic until the rollout is resumed; it is still taken back when it does harm.`}),
		rolling && !asked && {word: 'Promote now', title: `Promote ${candidate} now?`, path: at + 'promote', effect: `${candidate} gets all traffic of ${run.model} at once; its remaining steps are skipped, probation is not.`},
		rolling && {word: 'Roll back', tone: 'd', title: `Roll back ${candidate}?`, path: `/api/v1/models/${enc(run.model)}/rollback`, effect: `${to}; ${run.run} closes as rolled back.`},
		!rolling && {word: 'Cancel run', tone: 'd', title: `Cancel ${run.run}?`, path: at + 'cancel', effect: `What the run has done so far is kept in the audit chain; ${to}.`},
	].filter(Boolean);
}

// forModel lists what can be done with a model that has no open run.
export function forModel(model, champion, previous) {
	const at = `/api/v1/models/${enc(model)}/`;
	return [
		{word: 'Retrain', title: `Retrain ${model}?`, path: at + 'runs', effect: 'A run starts now. Its candidate must pass every gate, and be better than the champion, before it gets traffic.'},
		previous && {word: 'Roll back', tone: 'd', title: `Roll ${model} back to ${previous}?`, path: at + 'rollback', effect: `${previous} answers all requests of ${model} at once, in place of ${champion}.`},
	].filter(Boolean);
}
