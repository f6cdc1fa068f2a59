// Draws the page from /api/openapi.json. Text is only ever set as text, never as markup.

const byId = (id) => document.getElementById(id);

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

// The little Markdown that descriptions use: paragraphs, and `code`.
function prose(text, className) {
  return text.trim().split(/\n{2,}/).map((paragraph) => {
    const made = element("p", { class: className });
    paragraph.split("`").forEach((part, index) => made.append(index % 2 ? element("code", {}, part) : part));
    return made;
  });
}

function typeOf(schema) {
  if (schema.enum) return schema.enum.join(" | ");
  const bounds = [];
  if (schema.minLength !== undefined) bounds.push(`${schema.minLength} to ${schema.maxLength ?? "any number of"} characters`);
  if (schema.default !== undefined) bounds.push(`default ${schema.default}`);
  return [schema.type, ...bounds].filter(Boolean).join(", ");
}

function parameterTable(parameters) {
  const rows = parameters.map((parameter) => element("tr", {},
    element("th", { scope: "row" }, element("code", {}, parameter.name)),
    element("td", {}, ...prose(parameter.description ?? "", ""),
      element("p", { class: "quiet" }, `${parameter.required ? "required" : "optional"}: ${typeOf(parameter.schema)}`))));
  return element("table", {}, element("tbody", {}, ...rows));
}

const textOf = (header) => `${header.description.charAt(0).toLowerCase()}${header.description.slice(1)}`;

// Headers that every answer has are said once; a row names those of its own.
function responseParts(responses) {
  const headers = Object.values(responses).map((response) => response.headers ?? {});
  const shared = Object.keys(headers[0] ?? {}).filter((name) => headers.every((each) => name in each));
  const rows = Object.entries(responses).map(([status, response]) => {
    const own = Object.entries(response.headers ?? {}).filter(([name]) => !shared.includes(name));
    return element("tr", {},
      element("th", { scope: "row", class: status < 400 ? "status-good" : "status-bad" }, status),
      element("td", {}, ...prose(response.description, ""),
        ...own.map(([name, header]) => element("p", { class: "quiet" }, element("code", {}, name), `: ${textOf(header)}`))));
  });
  const parts = [element("table", {}, element("tbody", {}, ...rows))];
  if (shared.length) {
    parts.push(element("p", { class: "quiet" }, "Every answer has the headers ",
      ...shared.flatMap((name, index) => [index ? ", " : "", element("code", {}, name), ` (${textOf(headers[0][name])})`]), "."));
  }
  return parts;
}

let schemas = {};

// What a schema is behind a reference and beside null.
function meant(schema) {
  const found = schema.anyOf?.find((each) => each.type !== "null") ?? schema;
  const name = found.$ref?.split("/").at(-1);
  const whole = name ? schemas[name] : found;
  const nullable = schema.anyOf?.some((each) => each.type === "null") ?? false;
  return { ...whole, name, nullable, description: schema.description ?? found.description ?? whole.description };
}

function kindOf(schema) {
  const kind = schema.enum?.join(" | ") ?? (schema.const !== undefined ? `"${schema.const}"` : schema.format ?? schema.type);
  return schema.nullable ? `${kind} or null` : kind;
}

// A row for each member, named by the way to it. An object that was shown before is only named.
function memberRows(schema, path, shown) {
  return Object.entries(schema.properties ?? {}).flatMap(([name, below]) => {
    const member = meant(below);
    const each = member.type === "array" ? meant(member.items) : member;
    const where = `${path}${name}${each === member ? "" : "[]"}`;
    const before = each.properties && shown.get(each.name);
    const kind = each === member ? kindOf(member) : `list of ${kindOf(each)}`;
    const row = element("tr", {},
      element("th", { scope: "row" }, element("code", {}, where)),
      element("td", {}, ...(member.description ? prose(member.description, "") : []),
        element("p", { class: "quiet" }, before ? `${kind}, as ` : kind, ...(before ? [element("code", {}, before)] : []))));
    if (!each.properties || before) return [row];
    shown.set(each.name, where);
    return [row, ...memberRows(each, `${where}.`, shown)];
  });
}

function bodyParts(responses) {
  return Object.entries(responses).flatMap(([status, response]) => {
    const schema = response.content?.["application/json"]?.schema;
    const first = status < 400 || Object.keys(responses).find((each) => each >= 400) === status;
    const rows = schema && first ? memberRows(meant(schema), "", new Map()) : [];
    if (!rows.length) return [];
    return [element("details", { open: status < 400 },
      element("summary", {}, status < 400 ? `The body of ${status}` : "The body of every error"),
      element("table", {}, element("tbody", {}, ...rows)))];
  });
}

function field(parameter, prefix) {
  const id = `${prefix}-${parameter.name}`;
  const choices = parameter.schema.enum ?? (parameter.schema.type === "boolean" ? ["true", "false"] : null);
  const input = choices
    ? element("select", { id, name: parameter.name }, element("option", { value: "" }, "(not sent)"),
      ...choices.map((choice) => element("option", { value: choice }, choice)))
    : element("input", { id, name: parameter.name, value: parameter.example, required: parameter.required, autocomplete: "off" });
  return [element("label", { for: id }, parameter.name), input];
}

async function ask(path, form, output, secured) {
  const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ""));
  const address = query.size ? `${path}?${query}` : path;
  const key = byId("key").value.trim();
  const headers = secured && key ? { Authorization: `Bearer ${key}` } : {};
  output.replaceChildren(element("p", { class: "quiet" }, "Asking…"));
  try {
    const began = performance.now();
    const answer = await fetch(address, { headers, cache: "no-store" });
    const text = await answer.text();
    const took = Math.round(performance.now() - began);
    output.replaceChildren(
      element("p", {}, element("strong", { class: answer.ok ? "status-good" : "status-bad" }, `${answer.status} ${answer.statusText}`),
        ` in ${took} ms, `, element("code", {}, answer.headers.get("X-Request-ID") ?? "")),
      element("p", { class: "quiet" }, `GET ${address}`),
      element("pre", { tabindex: "0" }, pretty(text)));
  } catch (error) {
    output.replaceChildren(element("p", { class: "status-bad" }, `The server did not answer: ${error.message}`));
  }
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function form(path, operation, prefix) {
  const output = element("div", { "aria-live": "polite" });
  const made = element("form", {}, ...(operation.parameters ?? []).flatMap((parameter) => field(parameter, prefix)),
    element("button", { type: "submit" }, "Send the request"));
  made.addEventListener("submit", (event) => {
    event.preventDefault();
    ask(path, made, output, Boolean(operation.security));
  });
  return [made, output];
}

function endpoint(path, method, operation) {
  const id = operation.operationId;
  const parts = [element("h2", {}, operation.summary),
    element("p", { class: "path" }, element("span", { class: "method" }, method.toUpperCase()), path)];
  if (operation.description) parts.push(...prose(operation.description, ""));
  if (operation.security) parts.push(element("p", { class: "quiet" }, "Needs an API key."));
  if (operation.parameters?.length) parts.push(element("h3", {}, "Parameters"), parameterTable(operation.parameters));
  parts.push(element("h3", {}, "Answers"), ...responseParts(operation.responses), ...bodyParts(operation.responses));
  if (method === "get") parts.push(element("h3", {}, "Try it"), ...form(path, operation, id));
  return element("section", { class: "card", id }, ...parts);
}

function draw(api) {
  document.title = api.info.title;
  byId("title").textContent = api.info.title;
  byId("version").textContent = api.info.version;
  byId("about").append(...prose(api.info.description, ""));
  schemas = api.components?.schemas ?? {};
  const tags = new Map();
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const tag = operation.tags?.[0] ?? "Other";
      tags.set(tag, [...(tags.get(tag) ?? []), [path, method, operation]]);
    }
  }
  for (const [tag, operations] of tags) {
    byId("index").append(element("li", { class: "tag" }, tag));
    for (const [path, method, operation] of operations) {
      byId("index").append(element("li", {}, element("a", { href: `#${operation.operationId}` }, operation.summary)));
      byId("endpoints").append(endpoint(path, method, operation));
    }
  }
}

try {
  const answer = await fetch("/api/openapi.json");
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  draw(await answer.json());
  byId("state").remove();
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
} catch (error) {
  byId("state").textContent = `The API's description could not be read: ${error.message}`;
}
