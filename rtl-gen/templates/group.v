// {{ path }}: {{ outputs }} outputs x {{ inputs }} inputs, checkpoint tensor {{ tensor|comment }}, in group columns of {{ group }} inputs a cycle.
// {{ bands }} K-tile bands of {{ rows }} inputs; {{ deal }} chains of tiles a band, each of which gives {{ e }} of the {{ v }} outputs of a beat.
module mvm_{{ ident }} (
  input clk,
  input rst,
{%- if lw > 0 %}
  input [{{ lw }}-1:0] layer,
{%- endif %}
  input word_valid,
  input [{{ ww }}-1:0] word,
  input word_last,
  input [{{ bands * group * a }}-1:0] a,
  input [4:0] h,
  input [{{ bands * ab }}-1:0] asum,
  output out_valid,
  output [{{ v * out.bits }}-1:0] out_data,
  output ovf
);
  wire take, sum_parts, sum_group, multiply, accumulate, first, drain;
  hw_group_control #(.BEATS({{ beats }}), .WW({{ ww }})) control (
    .clk(clk), .rst(rst), .word_valid(word_valid), .word(word), .word_last(word_last), .take(take), .sum_parts(sum_parts),
    .sum_group(sum_group), .multiply(multiply), .accumulate(accumulate), .first(first), .drain(drain)
  );
{% for t in tiles %}
  wire [{{ e * tot }}-1:0] t{{ t.k_tile }}_{{ t.n_tile }};
{%- endfor %}
{% for t in tiles %}
  // {{ path }}/tile[{{ t.k_tile }},{{ t.n_tile }}]: outputs from {{ t.first_output }} in steps of {{ v }}, inputs from {{ t.first_input }}
  hw_group_tile #(
    .GROUP({{ group }}), .WORDS({{ t.words }}), .COLS({{ t.cols }}), .E({{ e }}), .CODE_BITS({{ code_bits }}), .CENTRE({{ centre }}),
    .A({{ a }}), .AB({{ ab }}), .INNER({{ inner }}), .SCALE_BITS({{ scale_bits }}), .OFFSET_BITS({{ offset_bits }}), .TOT({{ tot }}), .WW({{ ww }}),
{%- if lw > 0 %}
    .LAYERS({{ layers }}), .LW({{ lw }}),
{%- endif %}
    .CONTENTS("{{ t.contents }}")
  ) tile{{ t.k_tile }}_{{ t.n_tile }} (
    .clk(clk), {% if lw > 0 %}.layer(layer), {% endif %}.word_valid(word_valid), .word(word), .take(take), .sum_parts(sum_parts), .sum_group(sum_group), .multiply(multiply),
    .accumulate(accumulate), .first(first), .shift(drain), .a(a[{{ t.k_tile * group * a }} +: {{ group * a }}]),
    .asum(asum[{{ t.k_tile * ab }} +: {{ ab }}]), .next_totals({{ t.next|expression }}), .totals(t{{ t.k_tile }}_{{ t.n_tile }})
  );
{% endfor %}
  wire [{{ bands * v * tot }}-1:0] totals;
{%- for (at, value) in lanes %}
  assign totals[{{ at }} +: {{ e * tot }}] = {{ value|expression }};
{%- endfor %}
  hw_mvm_out #(
    .V({{ v }}), .BEATS({{ beats }}), .BANDS({{ bands }}), .TOT({{ tot }}), .OB({{ out.bits }}), .SHIFT_BITS({{ out.shift_bits }}), .BIAS({{ out.bias }}),
{%- if lw > 0 %}
    .LAYERS({{ layers }}), .LW({{ lw }}),
{%- endif %}
    .SHIFTS("{{ out.shifts }}"), .BIASES("{{ out.biases }}")
  ) out (
    .clk(clk), .rst(rst), {% if lw > 0 %}.layer(layer), {% endif %}.drain(drain), .totals(totals), .h(h), .out_valid(out_valid), .out_data(out_data), .ovf(ovf)
  );
endmodule
