// The page: reads the address, draws what belongs there, and draws again when
// the server says that something changed.
import {enc, h, icon, link, modelPath, name, pairs, popup, render, runPath, say, verdict} from './dom.js';
import {clock} from './fmt.js';
import {first, live, now, start, watch} from './live.js';
import {fleet} from './fleet.js';
import {model} from './model.js';
import {run} from './run.js';
import {audit, trace} from './trace.js';
import {enter, forget} from './act.js';
import {ofModel, problem} from './words.js';

const part = id => document.getElementById(id), main = part('main');
const routes = [
	[/^\/$/, fleet], [/^\/m\/([^/]+)\/?$/, model], [/^\/m\/([^/]+)\/runs\/([^/]+)\/?$/, run], [/^\/t\/(.+)$/, trace], [/^\/audit\/?$/, audit],
];
let page = null, due = false, prefix = 0, keysOff = localStorage.getItem('hone-keys') === 'off';
const moods = new Map();

function lost() {
	return {crumbs: [['Not found']], title: () => 'Not found', view: () => [verdict('There is no such page.', link('/', '', 'All models'))]};
}

// open draws the page that the address names.
function open(focus) {
	page?.stop?.();
	const path = location.pathname, hit = routes.find(([re]) => re.test(path));
	try {
		page = hit ? hit[1](...path.match(hit[0]).slice(1).map(decodeURIComponent)) : lost();
	} catch {
		page = lost();
	}
	forget();
	page.start?.(draw);
	setTimeout(draw, 160);
	drawNow();
	if (focus) {
		window.scrollTo(0, 0);
		const opened = page, until = Date.now() + 3000;
		(function seek() {
			const h1 = main.querySelector('h1');
			if (h1) h1.focus({preventScroll: true});
			else if (page === opened && Date.now() < until) setTimeout(seek, 50);
		})();
	}
}

function go(href) {
	if (href === location.pathname + location.search) return;
	const same = new URL(href, location).pathname === location.pathname;
	history.pushState(null, '', href);
	same ? drawNow() : open(true);
}

// draw asks for one drawing in the next frame.
function draw() {
	if (due) return;
	due = true;
	const frame = () => {if (due) drawNow();};
	document.hidden ? setTimeout(frame, 250) : requestAnimationFrame(frame);
}

function drawNow() {
	due = false;
	let view;
	try {
		view = page.view();
	} catch (e) {
		console.error(e);
		view = [verdict('This page cannot be shown.'), problem({title: 'The page failed', detail: String(e), hint: 'the command line shows the same facts'}, () => location.reload())];
	}
	render(main, view);
	main.className = live.lost ? 'stale' : '';
	if (main.querySelector('h1')) document.documentElement.dataset.ready = 'true';
	document.title = page.title() + ' · Hone';
	render(part('top'), top());
	render(part('foot'), foot());
}

function top() {
	const crumbs = [['Fleet', '/'], ...page.crumbs], last = crumbs.length - 1;
	return [
		link('/', 'logo', h('img', {src: '/icon.svg', alt: '', width: 18, height: 18}), 'Hone'),
		h('nav.crumb', {'aria-label': 'Where you are'}, h('ol', crumbs.map(([text, href], i) => h('li', {key: i}, i < last && href ? link(href, '', name(text)) : h('span', {'aria-current': i === last ? 'page' : null}, name(text)))))),
		h('span.sp'),
		h('form.find', {role: 'search', onsubmit: find}, icon('find'),
			h('input', {id: 'find', type: 'search', name: 'q', 'aria-label': 'Search: a model, a run or a prediction id', placeholder: 'Model, run or prediction id', autocomplete: 'off', spellcheck: 'false', 'aria-keyshortcuts': '/', oninput: typed})),
		live.lost ? h('span.live.off', {key: 'off'}, icon('attn'), `Not live since ${clock(live.lost)}, retrying`)
			: h('span.live', {key: 'on'}, live.open ? [h('span.pip'), 'Live'] : 'Connecting', h('span.t3.large', live.status ? clock(now()) : '')),
	];
}

function foot() {
	return [link('/audit', '', 'Audit'), h('a', {href: '/api/v1/openapi.json', 'data-out': true}, 'API'), h('button.text', {type: 'button', onclick: enter}, 'Token'), h('button.text', {type: 'button', onclick: help}, 'Keys')];
}

function typed(e) {
	if (page.search) {page.search(e.target.value.trim()); drawNow();}
}

// find goes to what was typed: a model, a run of a known model, or a prediction.
function find(e) {
	e.preventDefault();
	const q = e.target.elements.q.value.trim(), models = live.status ? live.status.models.map(m => m.model) : [];
	if (!q) return;
	const own = models.filter(m => q.startsWith(m + '-') && /^\d+$/.test(q.slice(m.length + 1)))[0];
	const some = models.filter(m => m.toLowerCase().includes(q.toLowerCase()));
	e.target.elements.q.value = '';
	if (models.includes(q)) go(modelPath(q));
	else if (own) go(runPath(own, q));
	else if (some.length === 1) go(modelPath(some[0]));
	else go('/t/' + enc(q));
}

function help() {
	const rows = [['/', 'search'], ['g f', 'all models'], ['g a', 'audit'], ['g t', 'find an answer by its id'], ['j k', 'next and previous row'], ['Enter', 'open'], ['← →', 'move the cursor in a chart that has the focus'], ['?', 'this list'], ['Esc', 'close']];
	popup('Keys', close => [h('p', 'No key does anything to a model.'), pairs(rows.map(([k, what]) => [h('kbd', k), what])),
		h('label', h('input', {type: 'checkbox', checked: !keysOff, onchange: e => {keysOff = !e.target.checked; localStorage.setItem('hone-keys', keysOff ? 'off' : 'on');}}), ' single keys are on'),
		h('div.btns', h('button.btn', {type: 'button', onclick: close}, 'Close'))]);
}

function rows(by) {
	const all = [...main.querySelectorAll('[data-row] a, .log a')], at = all.indexOf(document.activeElement);
	const to = all[Math.min(Math.max(at < 0 ? 0 : at + by, 0), all.length - 1)];
	if (to) to.focus();
}

document.addEventListener('keydown', e => {
	if (keysOff || e.ctrlKey || e.metaKey || e.altKey || document.querySelector('dialog[open]')) return;
	if (e.target.matches('input, textarea, select')) {if (e.key === 'Escape') e.target.blur(); return;}
	if (Date.now() - prefix < 1200) {
		prefix = 0;
		if (e.key === 'f') return go('/');
		if (e.key === 'a') return go('/audit');
		if (e.key === 't') {e.preventDefault(); return part('find').focus();}
	}
	if (e.key === '/') {e.preventDefault(); part('find').focus();}
	else if (e.key === 'g') prefix = Date.now();
	else if (e.key === 'j') rows(1);
	else if (e.key === 'k') rows(-1);
	else if (e.key === '?') help();
});

document.addEventListener('click', e => {
	const a = e.target.closest('a[href]');
	if (!a || e.defaultPrevented || e.button || e.ctrlKey || e.metaKey || e.shiftKey || e.altKey || a.origin !== location.origin || 'out' in a.dataset || a.getAttribute('href')[0] === '#') return;
	e.preventDefault();
	go(a.pathname + a.search);
});

// announce says aloud when a model's mood or state changes, and nothing else.
function announce(status) {
	const said = [];
	for (const m of status.models) {
		const state = ofModel(m)[1];
		if (moods.has(m.model) && moods.get(m.model) !== state) said.push(m.sentence);
		moods.set(m.model, state);
	}
	if (said.length) say(said.slice(0, 3).join(' '));
}

watch((kind, data) => {
	if (kind === 'status' && data) announce(data);
	page.changed?.(kind, data);
	draw();
});
addEventListener('popstate', () => open(true));
addEventListener('resize', draw);
setInterval(draw, 10000);
open(false);
start();
first().then(() => live.error?.status === 401 && enter());
