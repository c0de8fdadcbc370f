const byId = (id) => document.getElementById(id);
const all = (selector) => document.querySelectorAll(selector);
const live = () => byId("live");
const shown = ({ dataset }) => dataset.state + "|" + dataset.revision;
const times = document.documentElement.dataset.times;
let skew, stream, asking, leaving, opened;

const say = (words) => { byId("news").textContent = words; };
const begin = () => {
	const { now, events } = live().dataset;
	skew = Date.parse(now) - Date.now();
	for (const time of all("time")) {
		const style = { timeStyle: "short", dateStyle: time.dataset.at || undefined };
		time.textContent = new Date(time.dateTime).toLocaleString(times, style);
	}
	for (const fold of all("[data-fold]")) {
		fold.open = opened ?? !matchMedia("(pointer:coarse)").matches;
		fold.firstElementChild.onclick = () => { opened = !fold.open; };
	}
	for (const button of all("[data-copy]")) {
		button.hidden = !navigator.clipboard;
		button.onclick = async () => {
			await navigator.clipboard.writeText(byId(button.dataset.copy).value);
			say(button.textContent = button.dataset.done);
		};
	}
	tick();
	leaveSoon();
	if (events) listen(events);
	else hush();
};

const tick = () => {
	for (const left of all("[data-left]")) {
		const seconds = Math.max(0, Math.ceil((Date.parse(left.dataset.left) - Date.now() - skew) / 1000));
		const fuse = left.closest(".valid") && byId("fuse");
		left.textContent = Math.floor(seconds / 60) + ":" + String(seconds % 60).padStart(2, 0);
		left.hidden = false;
		left.classList.toggle("soon", seconds < 60);
		fuse?.setAttribute("stroke-dasharray", 100 * seconds / fuse.dataset.fuse + " 200");
		if (!seconds && Date.now() % 5000 < 1000) refresh();
	}
};

const refresh = () => {
	if (asking) return;
	asking = new XMLHttpRequest();
	asking.open("GET", location.href);
	asking.responseType = "document";
	asking.timeout = 15000;
	asking.onloadend = ({ target: { status, response } }) => {
		asking = null;
		const fresh = status === 200 && response?.getElementById("live");
		if (fresh && shown(fresh) !== shown(live())) replace(fresh, response.title);
	};
	asking.send();
};

const replace = (fresh, title) => {
	const focused = live().contains(document.activeElement);
	document.title = title;
	live().replaceWith(fresh);
	scrollTo(0, 0);
	if (focused) fresh.querySelector("h1").focus();
	say([...all("h1,.lead,.bad")].map((part) => part.innerText).join(" "));
	begin();
};

const listen = (url) => {
	if (stream) return;
	stream = new EventSource(url);
	stream.addEventListener("state", ({ data }) => {
		const { state, revision = "", reload } = JSON.parse(data);
		if (state + "|" + revision !== shown(live())) reload ? location.reload() : refresh();
	});
	stream.onerror = () => {
		if (stream?.readyState === 2) {
			hush();
			setTimeout(wake, 10000);
		}
	};
};

const hush = () => { stream = stream?.close(); };

const wake = () => {
	const { events } = live().dataset;
	if (events) {
		refresh();
		listen(events);
	}
};

const leaveSoon = () => {
	const [link] = all("[data-forward]"), [line] = all("[data-forwarding]");
	if (!link || performance.getEntriesByType("navigation")[0]?.type === "back_forward") return;
	let seconds = +link.dataset.forward;
	const count = () => {
		line.querySelector("b").textContent = seconds;
		if (!seconds--) stay(), location.assign(link.href);
	};
	line.hidden = false;
	leaving = setInterval(count, 1000);
	count();
};

const stay = () => {
	clearInterval(leaving);
	for (const line of all("[data-forwarding]")) line.hidden = true;
};

const sent = new Set();
addEventListener("submit", (event) => {
	if (sent.has(event.target)) event.preventDefault();
	sent.add(event.target);
	event.target.ariaBusy = true;
});
addEventListener("pagehide", () => { hush(); stay(); });
onpointerdown = onkeydown = stay;
addEventListener("pageshow", ({ persisted }) => {
	for (const form of sent) form.ariaBusy = null;
	sent.clear();
	if (persisted) wake();
});
document.addEventListener("visibilitychange", () => document.hidden || wake());
setInterval(tick, 1000);
begin();
