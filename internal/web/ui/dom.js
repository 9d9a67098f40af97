// A view is a tree of plain objects; render changes only what differs in the
// page, so that focus, selection and what the pointer is on stay. Everything
// that comes from the server becomes a text node or an attribute, never markup.
const SVG = 'http://www.w3.org/2000/svg';

// h describes an element: h('p.lead', {title: 'x'}, kids) or h('p.lead', kids).
// The prop key keeps an element through moves, on* are handlers; what
// is null or false is left out, as prop and as child.
export function h(what, props, ...kids) {
	const [tag, ...classes] = what.split('.');
	if (props && (typeof props !== 'object' || Array.isArray(props) || props.kids || 'text' in props)) {
		kids.unshift(props);
		props = null;
	}
	props = classes.length ? {...props, class: classes.join(' ')} : props || {};
	return {tag, props, key: props.key, kids: flat(kids)};
}

function flat(kids, out = []) {
	for (const k of kids) {
		if (Array.isArray(k)) flat(k, out);
		else if (k || k === 0) out.push(typeof k === 'object' ? k : {text: String(k)});
	}
	return out;
}

const shown = new WeakMap();

// render makes kids the content of root.
export function render(root, ...kids) {
	const next = flat(kids);
	if (!shown.has(root)) root.replaceChildren();
	patch(root, shown.get(root) || [], next);
	shown.set(root, next);
}

function patch(el, was, next) {
	const keyed = new Map(), loose = [];
	for (const v of was) v.key !== undefined ? keyed.set(v.key, v) : loose.push(v);
	const kept = new Set();
	let i = 0;
	for (const v of next) {
		const old = v.key !== undefined ? keyed.get(v.key) : loose[i++];
		if (old && old.tag === v.tag) {
			update(old, v);
			kept.add(old);
		} else {
			create(v, el);
		}
	}
	for (const v of was) if (!kept.has(v)) v.node.remove();
	let at = el.firstChild;
	for (const v of next) {
		if (v.node === at) at = at.nextSibling;
		else el.insertBefore(v.node, at);
	}
}

function create(v, parent) {
	if (v.tag === undefined) {
		v.node = document.createTextNode(v.text);
		return;
	}
	const svg = v.tag === 'svg' || parent.namespaceURI === SVG;
	v.node = svg ? document.createElementNS(SVG, v.tag) : document.createElement(v.tag);
	for (const [k, x] of Object.entries(v.props)) put(v.node, k, x);
	patch(v.node, [], v.kids);
}

function update(old, v) {
	if (old === v) return;
	v.node = old.node;
	if (v.tag === undefined) {
		if (old.text !== v.text) v.node.nodeValue = v.text;
		return;
	}
	for (const [k, x] of Object.entries(v.props)) if (old.props[k] !== x) put(v.node, k, x);
	for (const k of Object.keys(old.props)) if (!(k in v.props)) put(v.node, k, null);
	patch(v.node, old.kids, v.kids);
}

function put(node, k, x) {
	if (k === 'key') return;
	if (k.startsWith('on')) node[k] = x;
	else if (k === 'checked') node[k] = x;
	else if (x === null || x === undefined || x === false) node.removeAttribute(k);
	else node.setAttribute(k, x === true ? '' : x);
}

// memo returns what build gave last time for this key while the facts are equal,
// which render then skips.
export function memo(cache, key, facts, build) {
	const sig = JSON.stringify(facts), hit = cache.get(key);
	if (hit?.sig === sig) return hit.view;
	const view = build();
	cache.set(key, {sig, view});
	return view;
}

// Each state has its own shape, since colour alone cannot tell states apart.
const round = 'M7 1a6 6 0 1 1 0 12A6 6 0 1 1 7 1z';
const P = {
	ok: [round, 'M4.3 7.2l1.9 1.9 3.6-4'],
	fail: ['M4.6 1h4.8L13 4.6v4.8L9.4 13H4.6L1 9.4V4.6z', 'M5 5l4 4m0-4L5 9'],
	attn: ['M7 1.4l6 11.1H1z', 'M7 5.6v3', 'M7 10.7v.01'],
	hold: ['~' + round, 'M5.3 5.5a1.8 1.8 0 1 1 2.5 1.6c-.5.3-.8.6-.8 1.1', 'M7 10.3v.01'],
	person: ['M7 1.3a2.7 2.7 0 1 1 0 5.4 2.7 2.7 0 1 1 0-5.4z', 'M1.8 13c.4-2.9 2.5-4.4 5.2-4.4s4.8 1.5 5.2 4.4'],
	canary: ['M3 1h8a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H3a2 2 0 0 1-2-2V3a2 2 0 0 1 2-2z', 'M1.5 8.8h4.2V4.9h7'],
	back: ['M4.5 2l-3 3 3 3', 'M1.8 5h6.6a3.8 3.8 0 0 1 0 7.6H5'],
	work: ['M12.5 7a5.5 5.5 0 1 1-3-4.9', 'M9 .4l1.7 2.2-2.5 1.6'],
	clock: [round, 'M7 3.8V7l2.2 1.6'],
	pause: [round, 'M5.4 4.8v4.4m3.2-4.4v4.4'],
	new: ['M7 2.5v9', 'M2.5 7h9'],
	dot: ['M7 5.5a1.5 1.5 0 1 1 0 3 1.5 1.5 0 1 1 0-3z'],
	find: ['M6 1.7a4.3 4.3 0 1 1 0 8.6 4.3 4.3 0 1 1 0-8.6z', 'M9.3 9.3L13 13'],
};

// icon draws one of the shapes at 14 px in the colour of its text.
export function icon(name, props) {
	return h('svg.ic', {viewBox: '0 0 14 14', 'aria-hidden': 'true', ...props}, paths(name));
}

export function paths(name) {
	return P[name].map(d => h('path', {d: d.replace('~', ''), class: d[0] === '~' ? 'dashed' : null}));
}

// chip is a state: icon, word and tone (good, warn, bad, hold, work, idle).
export function chip(name, word, tone, flatLook) {
	return h('span', {class: `st ${tone}${flatLook ? '' : ' chip'}`}, icon(name), word);
}

// link goes to another place in the page without loading it again.
export function link(href, cls, ...kids) {
	return h('a', {href, class: cls}, ...kids);
}

// name shows what people chose: cut at 64 signs, whole in the title.
export function name(s) {
	const text = String(s);
	return h('bdi', {title: text.length > 64 ? text : null}, text.length > 64 ? text.slice(0, 63) + '…' : text);
}

export const enc = encodeURIComponent;
export const modelPath = model => '/m/' + enc(model);
export const runPath = (model, run) => `${modelPath(model)}/runs/${enc(run)}`;

// table draws rows of [key, cell, …] under heads: '>Rows' stands right, '!Gate'
// names the row. Cells may be wrapped as {cls, of} to give them a class.
export function table(cls, heads, rows, more) {
	const parts = heads.map(t => ({n: t[0] === '>', row: t[0] === '!', text: t.replace(/^[>!]/, '')}));
	return h('table', {class: cls},
		h('thead', h('tr', parts.map(p => h('th', {scope: 'col', class: p.n ? 'n' : null}, p.text)))),
		h('tbody', rows.map(([key, ...cells]) => h('tr', {key}, cells.map((c, i) => {
			const p = parts[i], given = c?.cls !== undefined;
			const props = {class: [p.n && 'n', given && c.cls].filter(Boolean).join(' ') || null, 'data-label': p.n ? p.text.toLowerCase() : null};
			return h(p.row ? 'th' : 'td', p.row ? {...props, scope: 'row'} : props, given ? c.of : c);
		})))), more);
}

// pairs draws [name, value] as a list; what is false is left out.
export function pairs(all) {
	return h('dl.kv', all.filter(Boolean).map(([k, v]) => [h('dt', k), h('dd', v)]));
}

// say tells those who listen to the page.
export const say = text => {document.getElementById('say').textContent = text;};

// popup opens a dialog over the page and gives the focus back at its end. It
// returns what draws it again and what closes it.
export function popup(title, body) {
	const root = document.getElementById('dialogs'), before = document.activeElement, dialog = () => root.firstChild;
	const close = () => dialog().close();
	const draw = () => render(root, h('dialog', {'aria-labelledby': 'title', onclose: () => {render(root); before.focus();}}, h('h2', {id: 'title'}, title), body(close)));
	draw();
	dialog().showModal();
	return {draw, close};
}

// list joins what there is.
export const list = (...parts) => parts.filter(Boolean).join(', ');
export const code = (...kids) => h('code', kids);
export const body = (...kids) => h('div.body', kids);
export const small = (...kids) => h('span.sm.t3.block', kids);
// fold hides details under a word.
export const fold = (word, ...kids) => h('details.body', h('summary', word), kids);
// verdict opens a page: sentence, lead, facts and what can be done.
export function verdict(sentence, lead, meta, acts) {
	return h('div.verdict', {key: 'verdict'},
		h('div', h('h1', {tabindex: -1, 'data-sentence': true}, sentence), lead && h('p.lead', lead), meta && h('div.meta', meta)),
		acts && h('div.btns', acts));
}
