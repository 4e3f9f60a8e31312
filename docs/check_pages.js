// Measures on one page: contrast of all text and horizontal clipping. Loaded by docs/check_pages.py.
(() => {
  // Any colour that CSS knows, as red, green, blue 0-255 and alpha 0-1: read back from a drawn pixel.
  const pixel = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
  const known = new Map();
  const parse = (text) => {
    if (!known.has(text)) {
      pixel.clearRect(0, 0, 1, 1);
      pixel.fillStyle = "rgba(0, 0, 0, 0)";
      pixel.fillStyle = text;
      pixel.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = pixel.getImageData(0, 0, 1, 1).data;
      known.set(text, [r, g, b, a / 255]);
    }
    return known.get(text);
  };
  const over = ([r, g, b, a], below) => [r, g, b].map((value, i) => value * a + below[i] * (1 - a));
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((value) => {
      const c = value / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const parents = (element) => {
    const found = [];
    for (let e = element; e; e = e.parentElement ?? e.getRootNode().host) found.push(e);
    return found;
  };
  const shown = (element) => {
    if (!element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true })) return false;
    const box = element.getBoundingClientRect();
    return box.width > 1 && box.height > 1;
  };
  const roots = () => {
    const found = [document.body];
    for (const e of document.querySelectorAll("*")) if (e.shadowRoot) found.push(e.shadowRoot);
    return found;
  };
  const texts = function* () {
    for (const root of roots()) {
      const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
      for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const element = node.parentElement;
        if (!element || !node.nodeValue.trim() || ["SCRIPT", "STYLE", "NOSCRIPT"].includes(element.tagName)) continue;
        if (shown(element)) yield [node.nodeValue.trim(), element];
      }
    }
  };
  const isSymbol = (style) => style.fontFamily.includes("Material");
  const background = (chain) => {
    let rgb = parse(getComputedStyle(document.documentElement).colorScheme.includes("dark") ? "#000" : "#fff");
    for (const e of [...chain].reverse()) rgb = over(parse(getComputedStyle(e).backgroundColor), rgb.slice(0, 3));
    return rgb;
  };
  const contrast = () => {
    const found = [];
    for (const [words, element] of texts()) {
      const style = getComputedStyle(element);
      if (isSymbol(style) || element.closest(":disabled, [aria-disabled=true]")) continue;
      const chain = parents(element);
      const below = background(chain);
      const opacity = chain.reduce((all, e) => all * parseFloat(getComputedStyle(e).opacity || 1), 1);
      const colour = parse(element instanceof SVGElement ? style.fill : style.color);
      const ink = over([...colour.slice(0, 3), colour[3] * opacity], below);
      const [high, low] = [luminance(ink), luminance(below)].sort((a, b) => b - a);
      found.push({ words: words.slice(0, 40), ratio: (high + 0.05) / (low + 0.05), element: element.className?.baseVal ?? element.className });
    }
    return found;
  };
  const clipped = () => {
    const width = document.documentElement.clientWidth;
    const found = [];
    for (const [words, element] of texts()) {
      const style = getComputedStyle(element);
      if (isSymbol(style) || element.closest("#skip-menu, #skip-table, [data-testid=stSidebar][aria-expanded=false]")) continue;
      const box = element.getBoundingClientRect();
      const scrolls = parents(element).some((e) => ["auto", "scroll"].includes(getComputedStyle(e).overflowX) && e.scrollWidth > e.clientWidth + 1);
      const hides = parents(element).slice(0, 3).find((e) => e.clientWidth && e.scrollWidth > e.clientWidth + 1 && ["hidden", "clip"].includes(getComputedStyle(e).overflowX));
      if (hides) found.push(`cut: ${words.slice(0, 60)}`);
      else if (!scrolls && (box.right > width + 1 || box.left < -1)) found.push(`beyond the window: ${words.slice(0, 60)}`);
    }
    if (document.documentElement.scrollWidth > width + 1) found.push("the page scrolls sideways");
    return [...new Set(found)];
  };
  window.pageCheck = { contrast, clipped };
})();
