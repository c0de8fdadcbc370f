const find = document.querySelector("[data-find]");
const status = find.querySelector("[role=status]");
const [input] = find.getElementsByTagName("input");
find.hidden = false;
input.oninput = () => {
	const words = input.value.toLowerCase().split(/\s+/);
	let found = 0;
	for (const coin of document.querySelectorAll("fieldset")) {
		let here = 0;
		for (const button of coin.querySelectorAll("button")) {
			const text = [coin.firstChild.innerText, button.firstChild.innerText, button.value].join(" ").toLowerCase();
			button.hidden = !words.every((word) => text.includes(word));
			here += !button.hidden;
		}
		coin.hidden = !here;
		found += here;
	}
	status.textContent = found ? "" : status.dataset.none;
};
