/**
 * Reads vitest's JSON report (argument 1) and prints "passed failed skipped", then one failed test a line.
 *
 * A file that does not load has no tests in the report: it counts as one failure, or a broken import would pass.
 */
import { readFileSync } from "node:fs";

const report = JSON.parse(readFileSync(process.argv[2], "utf8"));
const failed = report.testResults.flatMap((file) => {
  const name = file.name.slice(process.cwd().length + 1);
  const tests = file.assertionResults.filter((test) => test.status === "failed");
  if (tests.length === 0 && file.status === "failed") return [`${name}: ${file.message.split("\n")[0]}`];
  return tests.map((test) => `${name}: ${test.fullName}`);
});
const skipped = report.numPendingTests + report.numTodoTests;

console.log([report.numPassedTests, failed.length, skipped].join(" "));
for (const line of failed) console.log(line);
