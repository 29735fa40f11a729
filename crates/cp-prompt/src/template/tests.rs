use serde_json::json;

use super::*;

fn render(source: &str, values: Value) -> Result<String, TemplateError> {
    let Value::Object(values) = values else { panic!("values are an object") };
    Template::parse(Syntax::Jinja, source)?.render(&values)
}

fn error(source: &str, values: Value) -> String {
    render(source, values).unwrap_err().to_string()
}

#[test]
fn what_is_missing_is_named_with_its_place() {
    assert_eq!(
        error("Hello\n  {{ nmae }}", json!({ "name": "x" })),
        "line 2, column 6: `nmae` was not given: did you mean `name`?"
    );
    assert_eq!(
        error("{% if true %}ü {{ user.nam|upper }}{% endif %}", json!({ "user": { "name": "x" } })),
        "line 1, column 19: `user.nam` was not given: did you mean `user.name`?"
    );
    assert_eq!(
        error("{% for a in items %}{% endfor %}", json!({})),
        "line 1, column 13: `items` was not given"
    );
    assert_eq!(error("{{ a ~ other }}", json!({ "a": 1 })), "line 1, column 8: `other` was not given");
}

#[test]
fn what_there_is_none_of_is_named_when_it_is_parsed() {
    let error = |source| Template::parse(Syntax::Jinja, source).unwrap_err().to_string();
    assert_eq!(error("{{ x | uper }}"), "line 1, column 8: there is no filter `uper`: did you mean `upper`?");
    assert_eq!(
        error("{% if x is definde %}{% endif %}"),
        "line 1, column 12: there is no test `definde`: did you mean `defined`?"
    );
    assert_eq!(
        error("{{ rang(3) }}"),
        "line 1, column 4: there is no function `rang`: did you mean `range`?"
    );
    assert!(error("{% extends 'a' %}").contains("by `include` alone"));
    assert!(error("{% include x %}").contains("names one prompt"));
    assert!(error("{% import 'a' as b %}").contains("by `include` alone"));
    assert!(error("a\n{% if %}").starts_with("line 2, column 7: unexpected"));
    assert!(error("{{ a").contains("set the syntax to mustache or none"));
}

#[test]
fn variables_are_inferred() {
    let variables = |source| {
        let template = Template::parse(Syntax::Jinja, source).unwrap();
        let written = template.variables().iter().map(|variable| {
            let kind = variable.kind.map_or("?", VariableType::as_str);
            let fields = variable.fields.iter().map(|field| format!(".{field}")).collect::<String>();
            format!("{}{fields}:{kind}{}", variable.name, if variable.optional { "?" } else { "" })
        });
        written.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(variables("{{ b }}{{ a }}{{ b }}"), "b:? a:?");
    assert_eq!(variables("{% for x in items %}{{ x.name }}{{ loop.index }}{% endfor %}"), "items:array");
    assert_eq!(
        variables("{{ user.name }}{{ user['e-mail'] }}{{ user.address.city }}"),
        "user.address.city.e-mail.name:object"
    );
    assert_eq!(variables("{% set x = y %}{{ x }}{% with z = 1 %}{{ z }}{% endwith %}{{ z }}"), "y:? z:?");
    assert_eq!(variables("{{ tone|default('calm') }}"), "tone:??");
    assert_eq!(variables("{{ tone|default('calm') }}{{ tone }}"), "tone:?");
    assert_eq!(variables("{% if tone is defined %}{{ tone }}{% endif %}"), "tone:??");
    assert_eq!(variables("{% if n > 3 and m == 'x' %}{{ n - 1 }}{% endif %}"), "n:number m:string");
    assert_eq!(variables("{% if a %}{% set x = 1 %}{% endif %}{{ x }}"), "a:? x:??");
    assert_eq!(variables("{% macro m(a, b=c) %}{{ a }}{{ b }}{{ d }}{% endmacro %}{{ m(1) }}"), "c:? d:?");
    assert_eq!(
        variables("{{ list[0].x }}{{ text|upper }}{% for k, v in map|items %}{{ k }}{% endfor %}"),
        "list:array text:string map:object"
    );
    assert_eq!(variables("{{ range }}{{ range(3) }}"), "range:?");
    assert_eq!(variables("{{ dict(a=1).a }}{{ x if y else z }}"), "x:? y:? z:?");
}

#[test]
fn the_same_template_in_both_ways_is_the_same_text() {
    let values = json!({
        "text": "a \"b\" <c>", "int": -3, "float": 1.0, "big": 12345678901234567890_u64, "small": 0.1, "huge": 1e300,
        "yes": true, "nothing": null, "list": ["a\n", 1, null, 2.5], "map": { "b": [1], "a": "x" }, "empty": "",
    });
    let Value::Object(values) = values else { panic!("values are an object") };
    for name in values.keys() {
        let simple = Template::parse(Syntax::Jinja, &format!("[{{{{ {name} }}}}]")).unwrap();
        let full =
            Template::parse(Syntax::Jinja, &format!("{{% for i in [1] %}}[{{{{ {name} }}}}]{{% endfor %}}"))
                .unwrap();
        let mustache = Template::parse(Syntax::Mustache, &format!("[{{{{{name}}}}}]")).unwrap();
        assert!(matches!(simple.0.body, Body::Pieces(_)) && matches!(full.0.body, Body::Engine { .. }));
        let rendered = simple.render(&values).unwrap();
        assert_eq!(full.render(&values).unwrap(), rendered, "{name}");
        assert_eq!(mustache.render(&values).unwrap(), rendered, "{name}");
    }
}

/// Each of these ends soon, within little memory, with an error that says what it was.
fn check_bomb(bomb: &str) {
    let shown: String = bomb.chars().rev().take(80).collect::<String>().chars().rev().collect();
    let outcome = render(bomb, json!({ "a": false, "x": 1 }));
    assert!(outcome.is_err(), "{shown}");
    assert!(outcome.unwrap_err().to_string().len() < 400, "{shown}");
}

#[test]
fn bombs_of_work_do_not_go_off() {
    for bomb in [
        "{% for i in range(1000000000) %}{% endfor %}",
        "{% for i in range(9999) %}{% for j in range(9999) %}{{ j }}{% endfor %}{% endfor %}",
        "{{ 'x' * 1000000000 }}",
        "{{ [1] * 1000000000 }}",
        "{{ 10 ** 40 }}",
        "{{ ('x' * 100000)|replace('x', 'y' * 100000) }}",
        "{{ range(9999)|join('y' * 1000000) }}",
        "{{ '%1000000000d'|format(1) }}",
        "{{ 'a\nb'|indent(1000000000) }}",
        "{{ [1]|batch(1000000000, 'x')|list|length }}",
        "{{ [1]|slice(1000000000)|list|length }}",
        "{{ range(10**9) }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% macro m(n) %}{{ m(n) }}{{ m(n) }}{% endmacro %}{{ m(3) }}",
        "{% for x in [[[1]]] recursive %}{{ loop([[1]]) }}{% endfor %}",
    ] {
        check_bomb(bomb);
    }
}

/// A list that holds itself so often is short in memory, and endless for whatever walks it.
#[test]
fn bombs_of_nesting_do_not_go_off() {
    let text =
        format!("{{% set x = 'xxxxxxxxxxxxxxxxxxxxxx' %}}{}{{{{ x }}}}", "{% set x = x ~ x %}".repeat(60));
    check_bomb(&text);
    for level in [
        "{% set x = [x, x] %}",
        "{% set x = {'a': x, 'b': x} %}",
        "{% set x = dict(a=x, b=x) %}",
        "{% set x = [1, 1]|map(attribute='none', default=x)|list %}",
        "{% set x = [1]|batch(99, x)|list %}",
        "{% set x = x|zip(x)|list %}",
        "{% set x = [x] * 99 %}",
        "{% set x = [[[[1] * 99] * 99] * 99] * 99 %}",
        "{% for y in [x] %}{% set x = [y, y] %}{% endfor %}{% set x = [x, x] %}",
        "{% with y = x %}{% set x = [y] %}{% endwith %}{% set x = [x, [x]] %}",
        "{% macro m(y) %}{% set x = [y, y] %}{{ m(x) }}{% endmacro %}{{ m([[1]]) }}",
        "{% set n = namespace(a=[1]) %}{% set n.a = [n.a, n.a] %}",
    ] {
        check_bomb(&format!("{{% set x = [['xxx']] %}}{}{{{{ x|string|length }}}}", level.repeat(60)));
    }
}

#[test]
fn structures_can_be_made_and_added_to() {
    let values = json!({ "users": [{ "name": "A" }, { "name": "B" }], "tone": "calm" });
    let check = |source, rendered: &str| assert_eq!(render(source, values.clone()).as_deref(), Ok(rendered));
    check("{{ [tone, tone, [tone]] }}", r#"["calm","calm",["calm"]]"#);
    check(
        "{% set names = users|map(attribute='name')|list %}{{ names|join(', ') }}{{ [names, 1] }}",
        "A, B[[\"A\",\"B\"],1]",
    );
    check(
        "{% set n = namespace(a=[]) %}{% for u in users %}{% set n.a = n.a + [u.name] %}{% endfor %}{{ n.a }}",
        r#"["A","B"]"#,
    );
    check(
        "{% macro m(u, t='x') %}{{ u.name|replace('A', t) }}{% endmacro %}{% for u in users %}{{ m(u, tone) }}{% endfor %}",
        "calmB",
    );
    check("{% for k in ['a', 'b'] %}{{ tone|replace(k, '') }}{% endfor %}", "clmcalm");
    check(
        "{{ '=' * 3 }}{{ {'role': 'user', 'content': tone}|tojson }}",
        r#"==={"content":"calm","role":"user"}"#,
    );
}

#[test]
fn bombs_of_depth_do_not_go_off() {
    let many = |text: &str| text.repeat(100_000);
    for bomb in [
        format!("{{{{ {}1 }}}}", many("1+")),
        format!("{{{{ {}1{} }}}}", many("("), many(")")),
        format!("{{{{ {}true }}}}", many("not ")),
        format!("{{{{ x{} }}}}", many(".a")),
        format!("{{{{ x{} }}}}", many("|upper")),
        format!("{{{{ {}1{} }}}}", many("["), many("]")),
        format!("{{% if a %}}{}{{% endif %}}", many("{% elif a %}")),
        format!("{}{}", many("{% if true %}"), many("{% endif %}")),
        format!("{}{}", many("{% set a %}"), many("{% endset %}")),
        format!("{}{{{{ y }}}}{}", "{% for x in [1] %}".repeat(140), "{% endfor %}".repeat(140)),
        format!("{{{{ y{} }}}}", "|upper".repeat(190)),
        format!("{{{{ y{} }}}}", ".a".repeat(190)),
        format!("{{{{ {}x.y }}}}", "1+".repeat(190)),
    ] {
        check_bomb(&bomb);
    }
}

#[test]
fn mustache_leaves_every_other_brace_alone() {
    for text in [
        "{\"json\": {\"a\": 1}}",
        "{{",
        "}}",
        "{{ }}",
        "{{#if x}}",
        "{% if %}",
        "{# x",
        "{{a.b}}",
        "{{a b}}",
        "{{1a}}",
        "{{ä}}",
    ] {
        let template = Template::parse(Syntax::Mustache, text).unwrap();
        assert_eq!(template.render(&Map::new()).as_deref(), Ok(text));
        assert!(template.variables().is_empty());
    }
    let template = Template::parse(Syntax::Mustache, "{{{a}}} {{ b\n}}{{{{a}}").unwrap();
    let names: Vec<_> = template.variables().iter().map(|variable| variable.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    let Value::Object(values) = json!({ "a": "1", "b": "{{a}}" }) else { panic!("values are an object") };
    assert_eq!(template.render(&values).unwrap(), "{1} {{a}}{{1");
}

#[test]
fn a_large_result_is_refused() {
    let Value::Object(values) = json!({ "a": "x".repeat(MAX_OUTPUT_BYTES / 2) }) else { panic!("an object") };
    for (syntax, source) in
        [(Syntax::Mustache, "{{a}}{{a}} "), (Syntax::Jinja, "{% if a %}{{a}}{{a}} {% endif %}")]
    {
        let error = Template::parse(syntax, source).unwrap().render(&values).unwrap_err();
        assert_eq!(error.fault, Fault::TooLarge(MAX_OUTPUT_BYTES));
    }
}
