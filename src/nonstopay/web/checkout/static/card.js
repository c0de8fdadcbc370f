const brands = [
	["Visa", /^4/],
	["Mastercard", /^(5[1-5]|2[2-7])/],
	["American Express", /^3[47]/],
	["Diners Club", /^3(0[0-5]|[689])/],
	["JCB", /^35/],
	["RuPay", /^(508[5-9]|60[78]|65[23]|81[7-9]|820)/],
	["Discover", /^6(011|4[4-9]|5)/],
	["UnionPay", /^(62|81)/],
	["Maestro", /^(5[06-8]|6)/],
];
const digits = (text) => text.replace(/[^0-9]/g, "");
const brandOf = (number) => brands.find(([, form]) => form.test(number))?.[0] ?? "";
const isNumber = (number) => /^.{12,19}$/.test(number) && [...number].reverse()
	.reduce((sum, digit, at) => sum + (at % 2 ? (2 * digit) % 10 + (digit > 4) : +digit), 0) % 10 === 0;

const grouped = (number) => {
	const brand = brandOf(number);
	if (brand === "American Express" || brand === "Diners Club" && number.length <= 14)
		return [number.slice(0, 4), number.slice(4, 10), number.slice(10)].filter(Boolean).join(" ");
	return number.replace(/(.{4})(?=.)/g, "$1 ");
};
const dated = (typed, before) => {
	let text = digits(typed.replace(/^([1-9]) *[/.-]/, "0$1"));
	if (text > 1 && text < 10 && text.length < 2) text = "0" + text;
	if (text.length > 6) text = text.slice(0, 6);
	if (before.length > typed.length && text.length < 3) return text;
	return text.length < 2 ? text : text.slice(0, 2) + " / " + text.slice(2);
};

// Writes a field anew with the caret behind the digit that it was behind.
const write = (input, text) => {
	if (input.value === text) return;
	const atEnd = input.selectionStart === input.value.length;
	let count = digits(input.value.slice(0, input.selectionStart)).length, at = 0;
	input.value = text;
	while (count && at < text.length) if (/[0-9]/.test(text[at++])) count--;
	if (atEnd) at = text.length;
	input.setSelectionRange(at, at);
};

const problem = ({ name, value, form }) => {
	if (!value.trim()) return "missing";
	if (name === "number") return isNumber(digits(value)) ? "" : "invalid";
	if (name === "code") {
		const brand = brandOf(digits(form.number.value));
		const lengths = brand ? brand === "American Express" ? "4" : "3" : "3,4";
		return new RegExp(`^[0-9]{${lengths}}$`).test(value.trim()) ? "" : "invalid";
	}
	if (name === "expiry") {
		const [, month, year] = /^(0?[1-9]|1[0-2]) ?[/.-]? ?((?:20)?[0-9]{2})$/.exec(value.trim()) ?? [];
		if (!month) return "invalid";
		return new Date((+year % 100) + 2000, month, 2) < new Date() ? "past" : "";
	}
	return "";
};
const tell = (input) => {
	const wrong = problem(input);
	input.ariaInvalid = wrong ? "true" : null;
	input.closest(".field").classList.toggle("wrong", Boolean(wrong));
	document.getElementById(input.name + "-wrong").textContent = wrong ? input.dataset[wrong] : "";
	return wrong;
};
const isOurs = (input) => input.matches?.("[data-card] .field input");

const typed = {};
document.addEventListener("input", ({ target }) => {
	if (!isOurs(target)) return;
	if (target.name === "number") {
		const number = digits(target.value).slice(0, 19);
		write(target, grouped(number));
		target.form.querySelector("[data-brand]").textContent = brandOf(number);
	}
	if (target.name === "expiry") write(target, typed.expiry = dated(target.value, typed.expiry ?? ""));
	if (target.name === "code") write(target, digits(target.value).slice(0, 4));
	if (target.ariaInvalid === "true") tell(target);
});
document.addEventListener("focusout", ({ target }) => {
	if (isOurs(target) && target.value) tell(target);
});
document.addEventListener("submit", (event) => {
	const form = event.target;
	if (!form.matches("[data-card]")) return;
	const wrong = [...form.querySelectorAll(".field input")].filter(tell);
	if (wrong.length) {
		event.preventDefault();
		event.stopPropagation();
		wrong[0].focus();
	}
	const { width, height, colorDepth } = screen;
	form.browser.value = [navigator.language, width + "x" + height, colorDepth, new Date().getTimezoneOffset()].join("|");
}, true);
// A page that the browser keeps for the back button keeps neither number nor code.
addEventListener("pagehide", () => {
	for (const { number, code } of document.querySelectorAll("[data-card]")) number.value = code.value = "";
});
new MutationObserver(ready).observe(document.body, { childList: true });
function ready() {
	for (const form of document.querySelectorAll("[data-card]")) form.noValidate = true;
}
ready();
