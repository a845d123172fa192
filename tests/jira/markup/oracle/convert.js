// Wiki markup to ADF by Atlassian's own converter: a JSON string a line in, a JSON document a line out.
const { JSONTransformer } = require("@atlaskit/editor-json-transformer");
const { WikiMarkupTransformer } = require("@atlaskit/editor-wikimarkup-transformer");

const json = new JSONTransformer();
const lines = require("fs").readFileSync(0, "utf8").split("\n").filter(Boolean);
for (const line of lines) {
  console.log(JSON.stringify(json.encode(new WikiMarkupTransformer().parse(JSON.parse(line)))));
}
