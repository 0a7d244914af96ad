// A guided tour (tools/web/tours.py): steps of text, and lines that are typed for the reader. The
// answers of Bochs are compared with the expected ones.
export class Tour {
  // `type(line)` types at Bochs' prompt and resolves with the answer.
  constructor(section, type) {
    Object.assign(this, { section, type, tour: null });
  }

  // Goes from the start of a machine to a step. The first step is 1.
  async begin(tour, step) {
    this.tour = tour;
    this.section.hidden = false;
    for (this.step = 1; this.step < Math.min(step, tour.steps.length); this.step++)
      for (const [line] of tour.steps[this.step - 1].lines) await this.type(line);
    this.show();
  }

  end() {
    this.tour = null;
    this.section.hidden = true;
  }

  show() {
    const { title, name, steps } = this.tour;
    this.section.querySelector("h2").textContent = `${title} (${this.step}/${steps.length})`;
    this.section.querySelector("div").innerHTML = steps[this.step - 1].html;
    this.done = 0;
    this.mark();
    history.replaceState(null, "", `#tour=${name}&step=${this.step}`);
  }

  mark() {
    const items = [...this.section.querySelectorAll("li")];
    items.forEach((item, i) => item.classList.toggle("next", i === this.done));
    (items[this.done] ?? this.section).scrollIntoView({ block: "nearest" });
  }

  // Types the next line. After the last one shows the next step. Returns false at the end of the
  // tour.
  async next() {
    if (!this.tour) return false;
    const { steps } = this.tour, { lines } = steps[this.step - 1];
    if (this.done < lines.length) {
      const [line, shown] = lines[this.done], said = await this.type(line);
      let at = 0;
      const seen = shown.map(text => text.replace(/t=\d+/, "t="))
        .every(text => (at = said.replace(/t=\d+/g, "t=").indexOf(text, at)) >= 0);
      this.section.querySelectorAll("li")[this.done++].classList.add(seen ? "seen" : "other");
      this.mark();
    } else if (this.step < steps.length) {
      this.step++;
      this.show();
    } else return false;
    return true;
  }
}
