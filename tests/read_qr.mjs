// Reads the pixels of a picture, four bytes each, whose width and height are given, and answers what its QR code says.
import { buffer } from "node:stream/consumers";
import jsQR from "jsqr";

const [width, height] = process.argv.slice(2).map(Number);
const pixels = new Uint8ClampedArray(await buffer(process.stdin));
process.stdout.write((jsQR.default ?? jsQR)(pixels, width, height)?.data ?? "");
