// The fleet: is every model well, and which need a person?
import {h, chip, code, link, memo, modelPath, name, small, verdict} from './dom.js';
import {int, metric, num, range, rate, span} from './fmt.js';
import {age, live, now} from './live.js';
import {ofModel, problem, waiting} from './words.js';
import {lossBar} from './draw.js';

const groups = [['needs a person', 'Needs a person'], ['working', 'Hone is working'], ['new', 'New'], ['cannot tell', 'Cannot tell'], ['well', 'Well']];
const numbers = ['No', 'One', 'Two', 'Three', 'Four', 'Five', 'Six', 'Seven', 'Eight', 'Nine', 'Ten'];
const spoken = n => numbers[n] || int(n);
const quality = m => (m.task === 'regression' ? 'mae' : 'accuracy');

// headline says how the fleet is, from the moods alone.
function headline(models) {
	const of = mood => models.filter(m => m.mood === mood).length;
	const need = of('needs a person'), work = of('working'), fresh = of('new'), unsure = of('cannot tell'), well = of('well');
	const total = models.length;
	if (total === 0) return ['No model is configured yet.', ''];
	const rest = [];
	if (work) rest.push(`${spoken(work)} ${work === 1 ? 'run is' : 'runs are'} under way.`);
	if (fresh) rest.push(`${spoken(fresh)} ${fresh === 1 ? 'model waits' : 'models wait'} for a first version.`);
	if (unsure) rest.push(`Of ${spoken(unsure).toLowerCase()} it cannot be told whether a retrain would pay.`);
	if (well && well < total) rest.push(`${spoken(well)} ${well === 1 ? 'model is' : 'models are'} well.`);
	if (!need) rest.push('Nothing for you to do.');
	const lead = rest.join(' ');
	if (need) return [need === total && total === 1 ? `${models[0].model} needs a person.` : `${spoken(need)} of ${int(total)} models ${need === 1 ? 'needs' : 'need'} a person.`, lead];
	if (well === total) return [total === 1 ? `${models[0].model} is well.` : `All ${int(total)} models are well.`, lead];
	return ['No model needs a person.', lead];
}

export function fleet() {
	const rows = new Map();
	const opened = Date.now();
	let frozen = null;
	const query = () => new URLSearchParams(location.search);

	function matching(models) {
		const q = (query().get('q') || '').toLowerCase(), state = query().get('state');
		return models.filter(m => (!state || m.mood === state) && (!q || m.model.toLowerCase().includes(q) || m.sentence.toLowerCase().includes(q) || (m.owner || '').toLowerCase().includes(q)));
	}

	// arrange says where each model stands. While the pointer or the focus is in the list
	// everything stays where it is.
	function arrange(models) {
		const fresh = new Map(models.map(m => [m.model, m.mood]));
		if (!frozen || !document.querySelector('.fleet:hover, .fleet:focus-within')) frozen = fresh;
		return {mood: m => frozen.get(m.model) || m.mood, changed: [...fresh].filter(([k, mood]) => frozen.has(k) && frozen.get(k) !== mood).length};
	}

	function table(models) {
		const {mood, changed} = arrange(live.status.models);
		return [
			changed > 0 && h('p.sm.t2', {key: 'changed'}, `${changed} changed: shown in their new place once you leave the list`),
			h('div.card', {key: 'list'},
				h('table.fleet',
									h('caption.vh', 'Models, those that need a person first'),
					h('thead', h('tr', [['Model'], ['State'], ['Performance', 'n'], ['Recoverable loss'], ['Drift', 'n'], ['New labels', 'n wide'], ['Traffic', 'n wide'], ['Champion']].map(([t, cls]) => h('th', {scope: 'col', class: cls}, t)))),
					groups.map(([key, title]) => {
						const here = models.filter(m => mood(m) === key);
						return here.length > 0 && h('tbody', {key},
							h('tr.grp', {key: 'title'}, h('th', {colspan: 8, scope: 'rowgroup'}, title, h('span.t3', ' ' + int(here.length)))),
							here.map(m => memo(rows, m.model, [m, Math.floor(now() / 10000)], () => row(m))));
					})))];
	}

	function filters(all, shown) {
		const q = query(), state = q.get('state');
		const to = s => {const p = new URLSearchParams(q); s ? p.set('state', s) : p.delete('state'); return '/' + (p.size ? '?' + p : '');};
		return h('div.filters', {key: 'filters'},
			h('nav.seg', {'aria-label': 'Filter by state'},
				h('a', {href: to(''), 'aria-current': state ? null : 'true'}, `All ${int(all.length)}`),
				groups.map(([key, title]) => {const n = all.filter(m => m.mood === key).length; return (n > 0 || state === key) && h('a', {href: to(key), 'aria-current': state === key ? 'true' : null}, `${title.replace('Hone is w', 'W')} ${int(n)}`);})),
			h('span.sp'),
			h('span.t3.sm', shown.length < all.length ? `${int(shown.length)} of ${int(all.length)} shown` : 'Intervals are 99.9 %. Price of a retrain: black line'));
	}

	return {
		crumbs: [],
		title: () => (live.status ? headline(live.status.models)[0].replace(/\.$/, '') : 'Fleet'),
		view() {
			const s = live.status;
			if (!s) return live.error ? [verdict('The fleet cannot be shown.'), problem(live.error, () => location.reload())] : waiting(opened, true);
			const [sentence, lead] = headline(s.models), shown = matching(s.models);
			return [
				verdict(sentence, lead),
				s.models.length > 1 && filters(s.models, shown),
				s.models.length === 0 ? h('div.card', {key: 'none'}, h('p.empty', 'Models will be listed here. Write a configuration from your data with ', code('hone init --from data.csv'), ', or look at a running example with ', code('hone demo'), '.'))
					: shown.length === 0 ? h('div.card', {key: 'none'}, h('p.empty', `No model matches ${[query().get('state') && `“${query().get('state')}”`, query().get('q') && `“${query().get('q')}”`].filter(Boolean).join(' and ')}. `, link('/', '', 'Clear the filter')))
						: table(shown)];
		},
		search(q) {
			const p = query();
			q ? p.set('q', q) : p.delete('q');
			history.replaceState(null, '', '/' + (p.size ? '?' + p : ''));
		},
	};
}

// unknown says why there is no value.
function unknown(s, what) {
	return h('span.t3', s?.unknown ? `unknown: ${s.unknown}` : `unknown: ${what}`);
}

// performance shows a model's quality with its interval and kind.
function performance(m) {
	const s = m.quality, write = x => metric(quality(m), x);
	if (!s || s.unknown) return h('span.sm', unknown(s, m.champion ? 'too few labels' : 'no champion yet'));
	return [h('span.block.nw', h('span.b', write(s.value)), ` ${quality(m) === 'mae' ? 'MAE' : 'accuracy'}`), small(`realised ${range(s, write)}`)];
}

function recoverable(m) {
	const s = m.recoverable_loss;
	if (!s || s.unknown || !s.n) return h('span.sm', unknown(s, 'too few labels'));
	const lower = Math.max(s.lower || 0, 0);
	return [lossBar(s.lower || 0, s.value, m.retrain_cost || 0), h('span.sm.t3.block.nw', `at least ${num(lower, lower < 10 ? 1 : 0)}${m.retrain_cost ? ` of ${num(m.retrain_cost)}` : ', no price set'}`)];
}

function row(m) {
	const [icon, word, tone] = ofModel(m), well = m.mood === 'well';
	return h('tr', {key: m.model, 'data-row': m.model, 'data-model': m.model},
		h('th', {scope: 'row'}, link(modelPath(m.model), '', name(m.model)), small(`${m.task} · ${int(m.features)} features`), m.owner && h('span.sm.t3.block', name(m.owner))),
		h('td.say', h('div', {class: well ? 'quiet' : null}, chip(icon, word, tone, well), h('div', {'data-sentence': true, class: well ? 't2' : 'b'}, m.sentence)),
			!well && m.lead && m.lead !== m.sentence && h('span.sm.t2.block', m.lead)),
		h('td.n.perf', performance(m)),
		h('td', m.champion ? recoverable(m) : null),
		h('td.n.nw', m.champion ? [`${int(m.drifted_features)} of ${int(m.features)}`, h('span.small.t3', ' drift')] : null),
		h('td.n.wide', {title: 'mature labels since the champion was trained'}, int(m.new_labels), h('span.small.t3', ' labels')),
		h('td.n.wide.nw', rate(m.predictions_per_second)),
		h('td.nw', m.champion ? [code(m.champion), m.champion_since && h('span.sm.t3.block.ago', ' ' + span(Math.floor(age(m.champion_since) / 10) * 10))] : h('span.t3', 'none yet')));
}
