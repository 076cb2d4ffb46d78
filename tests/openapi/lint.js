// Redocly's linter on the OpenAPI documents that are named: exit status 1 for any error or warning.
//
// This is what `redocly lint` runs, without the command line around it and its 200 packages.
"use strict";

const path = require("node:path");
const { createRequire } = require("node:module");

// Its packages are installed beside those of the receivers.
const receivers = path.join(__dirname, "..", "e2e", "receivers", "package.json");
const redocly = createRequire(receivers)("@redocly/openapi-core");

async function main(documents) {
  if (documents.length === 0) throw new Error("name the documents to judge");
  const config = await redocly.loadConfig({ configPath: path.join(__dirname, "redocly.yaml") });
  let found = 0;
  for (const document of documents) {
    const problems = await redocly.lint({ ref: document, config });
    const open = problems.filter((problem) => !problem.ignored);
    redocly.formatProblems(problems, { totals: redocly.getTotals(problems), format: "codeframe" });
    found += open.length;
    console.log(`${document}: ${open.length} errors and warnings`);
  }
  return found;
}

main(process.argv.slice(2)).then(
  (found) => process.exit(found === 0 ? 0 : 1),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
