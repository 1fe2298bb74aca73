// Shows /openapi.json as a page. Text goes in as text, never as HTML.
"use strict";

const methods = ["get", "post", "put", "patch", "delete"];

function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// Text with `code` in it.
function prose(text) {
  return (text ?? "").split("`").map((part, index) => index % 2 ? element("code", {}, part) : part);
}

class Reference {
  constructor(api) { this.api = api; }

  resolve(value) {
    let seen = 0;
    while (value && value.$ref && seen++ < 10) {
      const target = value.$ref.slice(2).split("/").reduce((part, key) => part?.[key.replace(/~1/g, "/").replace(/~0/g, "~")], this.api);
      value = { ...target, ...Object.fromEntries(Object.entries(value).filter(([key]) => key !== "$ref")) };
    }
    return this.merged(value ?? {});
  }

  // What all of several schemas say, as one.
  merged(schema) {
    if (!schema.allOf) return schema;
    const one = { ...schema, properties: { ...schema.properties }, required: [...(schema.required ?? [])] };
    for (const part of schema.allOf.map((part) => this.resolve(part))) {
      Object.assign(one.properties, part.properties);
      one.required.push(...(part.required ?? []));
      one.description ??= part.description;
    }
    delete one.allOf;
    return one;
  }

  // A schema in a few words.
  words(schema) {
    const name = schema?.$ref?.split("/").pop();
    const one = this.resolve(schema);
    if (one.const !== undefined) return JSON.stringify(one.const);
    if (one.enum) return one.enum.map((value) => JSON.stringify(value)).join(" | ");
    const options = one.oneOf ?? one.anyOf;
    if (options && !one.properties) return options.map((option) => this.words(option)).join(" | ");
    const types = [one.type ?? (one.properties ? "object" : "any")].flat();
    const words = types.map((type) => {
      if (type === "array") return `array of ${this.words(one.items ?? {})}`;
      if (type === "object" && name) return name;
      return one.format && type === "string" ? one.format : type;
    });
    const bounds = [];
    if (one.minimum !== undefined || one.maximum !== undefined) bounds.push(`${one.minimum ?? "…"} to ${one.maximum ?? "…"}`);
    if (one.minLength || one.maxLength) bounds.push(`${one.minLength ?? 0} to ${one.maxLength ?? "…"} characters`);
    if (one.default !== undefined) bounds.push(`default ${JSON.stringify(one.default)}`);
    return words.join(" | ") + (bounds.length ? ` (${bounds.join(", ")})` : "");
  }

  // The fields of an object, and of those inside it, a few levels down.
  fields(schema, depth = 0) {
    const one = this.resolve(schema);
    const parts = [];
    for (const option of one.oneOf ?? one.anyOf ?? []) {
      const target = this.resolve(option);
      if (target.properties || target.type === "array") {
        parts.push(element("details", {}, element("summary", {}, target.title ?? this.words(option)), ...this.fields(option, depth + 1)));
      }
    }
    if (one.type === "array" || (Array.isArray(one.type) && one.type.includes("array"))) {
      return depth < 4 ? this.fields(one.items ?? {}, depth + 1) : parts;
    }
    if (one.properties) {
      const rows = Object.entries(one.properties).filter(([, value]) => value !== false).map(([key, value]) => {
        const target = this.resolve(value);
        const item = this.resolve(target.items ?? {});
        const nested = depth < 3 && (target.properties || item.properties)
          ? element("details", {}, element("summary", { class: "soft" }, "fields"), ...this.fields(target.properties ? value : target.items, depth + 1))
          : null;
        return element("tr", {},
          element("td", (one.required ?? []).includes(key) ? { class: "required" } : {}, key),
          element("td", {}, element("span", { class: "soft" }, this.words(value)), target.description ? element("div", {}, ...prose(target.description)) : null, nested));
      });
      parts.unshift(element("table", {}, ...rows));
    }
    return parts;
  }

  examples(media) {
    const values = media.examples
      ? Object.values(media.examples).map((example) => [example.summary, example.value])
      : media.example !== undefined ? [[null, media.example]] : [];
    return values.map(([title, value]) => element("details", {},
      element("summary", {}, title ? `Example: ${title}` : "Example"),
      element("pre", {}, typeof value === "string" ? value : JSON.stringify(value, null, 2))));
  }

  body(content) {
    return Object.entries(content ?? {}).flatMap(([type, media]) => [
      element("div", { class: "soft type" }, type), ...this.fields(media.schema ?? {}), ...this.examples(media)]);
  }

  operation(path, method, operation, shared) {
    const parts = [
      element("h3", {}, operation.summary ?? operation.operationId),
      element("div", { class: "address" }, element("span", { class: `method ${method}` }, method), ` ${path}`)];
    if (operation.description) parts.push(element("p", {}, ...prose(operation.description)));
    if (operation.security && operation.security.length === 0) parts.push(element("p", { class: "soft" }, "Asks for no key."));
    const parameters = [...shared, ...(operation.parameters ?? [])].map((parameter) => this.resolve(parameter));
    if (parameters.length) {
      parts.push(element("h4", {}, "Parameters"), element("table", {}, ...parameters.map((parameter) => element("tr", {},
        element("td", parameter.required ? { class: "required" } : {}, parameter.name),
        element("td", {}, element("span", { class: "soft" }, `${parameter.in}: ${this.words(parameter.schema)}`),
          parameter.description ? element("div", {}, ...prose(parameter.description)) : null)))));
    }
    if (operation.requestBody) parts.push(element("h4", {}, "Body"), ...this.body(this.resolve(operation.requestBody).content));
    for (const [status, response] of Object.entries(operation.responses ?? {})) {
      const answer = this.resolve(response);
      parts.push(element("h4", {}, status === "default" ? "Errors" : `Answer ${status}`), element("div", {}, ...prose(answer.description)));
      if (status !== "default") parts.push(...this.body(answer.content));
    }
    return element("section", { id: operation.operationId }, ...parts);
  }

  show() {
    const index = document.getElementById("index");
    const list = document.getElementById("operations");
    document.getElementById("title").textContent = `${this.api.info.title} API`;
    document.getElementById("summary").replaceChildren(...prose(this.api.info.description));
    list.replaceChildren();
    for (const tag of this.api.tags ?? []) {
      const entries = Object.entries(this.api.paths).flatMap(([path, item]) => methods
        .filter((method) => item[method]?.tags?.includes(tag.name)).map((method) => [path, method, item[method], item.parameters ?? []]));
      if (entries.length === 0) continue;
      const group = element("div", {}, element("h2", {}, tag.name));
      index.append(group);
      list.append(element("h2", { class: "tag" }, tag.name), element("p", { class: "soft" }, ...prose(tag.description)));
      for (const [path, method, operation, shared] of entries) {
        const link = element("a", { href: `#${operation.operationId}` },
          element("span", { class: `method ${method}` }, method), element("span", {}, operation.summary ?? path));
        link.dataset.text = `${method} ${path} ${operation.summary} ${operation.operationId}`.toLowerCase();
        group.append(link);
        list.append(this.operation(path, method, operation, shared));
      }
    }
  }
}

document.getElementById("search").addEventListener("input", (event) => {
  const wanted = event.target.value.toLowerCase();
  for (const link of document.querySelectorAll("#index a")) link.hidden = !link.dataset.text.includes(wanted);
  for (const group of document.querySelectorAll("#index > div")) group.hidden = !group.querySelector("a:not([hidden])");
});

fetch("/openapi.json").then((answer) => answer.json()).then((api) => {
  new Reference(api).show();
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}).catch((error) => { document.getElementById("status").textContent = `openapi.json could not be read: ${error.message}`; });
