// What a person can do. Each act opens a dialog that says what will happen, asks
// for the reason and, once a session, for the token.
import {code, enc, h, popup, say} from './dom.js';
import {get, keep, token} from './live.js';
import {problem} from './words.js';

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
	let error = null, busy = false, needsToken = !token(), artefact = '';
	const box = popup(act.title, close => h('form', {onsubmit: send, novalidate: true},
		h('p', act.effect),
		act.of && h('p', 'Its artefact is ', code(artefact || '…'), '.'),
		error && problem(error),
		h('label', {for: 'act-reason'}, 'Reason'),
		h('textarea', {id: 'act-reason', name: 'reason', rows: 2, maxlength: 1000, required: true}),
		needsToken && [h('label', {for: 'act-token', key: 'label'}, 'Token'), h('input', {key: 'token', id: 'act-token', name: 'token', type: 'password', autocomplete: 'off', required: true, 'aria-describedby': 'act-where'}),
			where()],
		h('div.btns', h('button.btn', {type: 'button', onclick: close}, 'Leave it'), h('button', {class: 'btn ' + (act.tone === 'd' ? 'd' : 'p'), disabled: busy || act.of && !artefact}, busy ? 'Sending' : act.word))));

	if (act.of) get(act.of.at).then(l => {artefact = l.versions.find(v => v.version === act.of.version).artefact;}).catch(e => {error = e;}).then(() => box.draw());

	async function send(e) {
		e.preventDefault();
		const {reason, token: given} = e.target.elements, why = reason.value.trim();
		if (busy) return;
		if (!why) {
			error = {title: 'The reason is missing', hint: 'it goes into the audit chain'};
			box.draw();
			return reason.focus();
		}
		if (needsToken) keep(given.value.trim());
		busy = true;
		box.draw();
		try {
			done = (await get(act.path, {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify({reason: why, ...(act.of && {artefact})})})).sentence;
			say(done);
			box.close();
		} catch (err) {
			error = err;
			busy = false;
			if (err.status === 401 || err.status === 403) {
				keep();
				needsToken = true;
			}
			box.draw();
		}
		changed();
	}
}

const where = () => h('p.sm', {key: 'where', id: 'act-where'}, 'An admin makes one; the owner’s is in the data folder, in the file ', code('token'), '. It stays in this tab until you close it.');

// enter asks for the token with which the page reads.
export function enter() {
	popup('Token', close => h('form', {onsubmit(e) {e.preventDefault(); keep(e.target.elements.token.value.trim()); location.reload();}},
		h('label', {for: 'token'}, 'Token'), h('input', {id: 'token', name: 'token', type: 'password', autocomplete: 'off', required: true, 'aria-describedby': 'act-where'}), where(),
		h('div.btns', h('button.btn', {type: 'button', onclick: close}, 'Leave it'), h('button.btn.p', 'Enter'))));
}

// forRun lists what can be done with an open run.
export function forRun(run, champion) {
	const at = `/api/v1/runs/${enc(run.run)}/`, candidate = run.candidate || run.twin || 'the candidate';
	const rolling = run.state === 'shadow' || run.state === 'canary', asked = rolling && run.rollout?.ask, waits = run.state === 'awaiting_approval';
	const to = champion ? `${champion} answers all requests` : 'nothing answers requests yet';
	return [
		(waits || asked) && {word: 'Approve', tone: 'p', title: `Approve ${candidate}?`, path: at + 'approve', of: {at: `/api/v1/models/${enc(run.model)}/versions`, version: run.candidate}, effect: waits ? (champion ? `${candidate} begins its rollout against ${champion}.` : `${candidate} becomes the first champion of ${run.model}.`) : `${candidate} gets all traffic of ${run.model}; probation watches it after.`},
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
