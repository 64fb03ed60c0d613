// Reads HTML documents, one JSON string a line, and answers each with the JSON list of its errors.
import { createInterface } from "node:readline";
import { HtmlValidate } from "html-validate";

const checker = new HtmlValidate({
  root: true,
  extends: ["html-validate:standard", "html-validate:document"],
  rules: { "require-sri": ["error", { target: "crossorigin" }] },
});

for await (const line of createInterface({ input: process.stdin })) {
  const report = await checker.validateString(JSON.parse(line));
  const errors = report.results.flatMap((result) => result.messages);
  console.log(JSON.stringify(errors.map((e) => `${e.line}:${e.column} ${e.ruleId}: ${e.message}`)));
}
