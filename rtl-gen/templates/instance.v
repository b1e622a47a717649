{% for c in comment %}  // {{ c|comment }}
{% endfor %}  {{ module }}{% if params.len() > 0 %} #(
{%- for p in params %}
    .{{ p.0 }}({{ p.1|expression }}){% if !loop.last %},{% endif %}
{%- endfor %}
  ){% endif %} {{ name }} (
{%- for p in ports %}
    .{{ p.name }}({{ p.net|expression }}){% if !loop.last %},{% endif %}
{%- endfor %}
  );
