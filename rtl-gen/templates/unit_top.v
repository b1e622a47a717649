// One {{ kind }} alone: {{ path }}.
module unit_{{ kind }} (
{%- for p in ports %}
  {% if p.output %}output{% else %}input{% endif %} {% if p.width > 1 %}[{{ p.width }}-1:0] {% endif %}{{ p.name }}{% if !loop.last %},{% endif %}
{%- endfor %}
);
{{ instance|code }}
endmodule
