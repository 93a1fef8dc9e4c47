// Amounts as the exporter writes them: null for what is not known, a number, the digits of one too large to be exact, or
// a formula, `{formula, of}`, over sizes that the reader gives. Nothing here touches the page.

const DECIMAL = ["", "k", "M", "G", "T", "P", "E", "Z"];
const BINARY = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi"];
const SMALL = ["", "m", "µ", "n", "p"];

const HEADS = {
  Add: (...terms) => terms.reduce((sum, term) => sum + term, 0),
  Mul: (...factors) => factors.reduce((product, factor) => product * factor, 1),
  Pow: Math.pow,
  Max: Math.max,
  Min: Math.min,
  Mod: (a, b) => a - b * Math.floor(a / b), // of the sign of b, as in Python
  floor: Math.floor,
  ceiling: Math.ceil,
  Abs: Math.abs,
};

/** The value of an expression, a nested list that begins with its head; `sizes` are the sizes of its symbols. */
export function evaluate(expression, sizes) {
  if (typeof expression === "number") return expression;
  const [head, ...parts] = expression;
  if (head === "Symbol") return sizes[parts[0]];
  if (head === "Rational") return parts[0] / parts[1];
  if (head === "Float") return parts[0];
  return HEADS[head](...parts.map((part) => evaluate(part, sizes)));
}

/** An amount as a number; null where it is not known. */
export function numberOf(amount, sizes) {
  if (amount === null || typeof amount === "number") return amount;
  if (typeof amount === "string") return Number(amount);
  return amount.of === null ? null : evaluate(amount.of, sizes);
}

/** A number with three significant digits and a prefix, as `fxviz.text.quantity.format_quantity` writes it. */
export function formatNumber(number, unit = "") {
  if (number === null) return "?";
  const base = unit === "B" ? 1024 : 1000;
  let prefixes = unit === "B" ? BINARY : DECIMAL;
  let power = 0;
  // 999.5 would be written as 1000: it belongs to the next prefix.
  while (Math.abs(number) >= base - 0.5 && Math.abs(number) < Infinity && power < prefixes.length - 1) {
    number /= base;
    power += 1;
  }
  if (unit === "s" && Math.abs(number) > 0 && Math.abs(number) < 0.9995) {
    prefixes = SMALL;
    while (Math.abs(number) < 0.9995 && power < prefixes.length - 1) {
      number *= 1000;
      power += 1;
    }
  }
  const digits = Math.abs(number) < 999.5 ? String(Number(number.toPrecision(3))) : number.toFixed(0);
  return `${digits} ${prefixes[power]}${unit}`.trim();
}

/** Every digit of an amount, in groups; "" where the short form has them all. */
export function exactly(amount, unit, sizes) {
  const number = numberOf(amount, sizes);
  if (number === null || Math.abs(number) < 1000 || !Number.isFinite(number)) return "";
  const digits = typeof amount === "string" ? BigInt(amount) : number;
  return `${digits.toLocaleString("en-US", { maximumFractionDigits: 0 })} ${unit}`.trim();
}

/** A part of a whole in percent; "" where either is not known. */
export function share(part, whole) {
  if (part === null || whole === null || whole === 0) return "";
  const percent = (100 * part) / whole;
  return `${percent >= 10 ? percent.toFixed(0) : String(Number(percent.toPrecision(2)))} %`;
}
