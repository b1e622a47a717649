// {{ path }}: {{ outputs }} outputs x {{ inputs }} inputs, checkpoint tensor {{ tensor|comment }}.
// {{ bands }} K-tile bands of {{ rows }} rows, blocks of {{ deal }} tiles of {{ cols }} columns; output n = block * {{ block_outputs }} + step * {{ v }} + lane,
// lane l of a beat is column step * {{ e }} + l % {{ e }} of tile l / {{ e }} of its block.
`include "hw_mvm_steps.vh"
module mvm_{{ ident }} (
  input clk,
  input rst,
{%- if lw > 0 %}
  input [{{ lw }}-1:0] layer,
{%- endif %}
  input row_valid,
  input [{{ rw }}-1:0] row,
  input row_end,
  input row_last,
  input [{{ bands * a }}-1:0] a,
  input [4:0] h,
  input [{{ bands * ab }}-1:0] asum,
  output out_valid,
  output [{{ v * out.bits }}-1:0] out_data,
  output ovf
);
  wire [`HW_MVM_STEPS_BITS({{ rw }}, {{ sw }}, {{ cw }}, {{ kw }})-1:0] ctl;
  wire drain;
  hw_mvm_control #(
    .STEPS({{ steps }}), .GROUPS({{ groups }}), .BEATS({{ beats }}), .RW({{ rw }}), .SW({{ sw }}), .CW({{ cw }}), .KW({{ kw }})
  ) control (
    .clk(clk), .rst(rst), .row_valid(row_valid), .row(row), .row_end(row_end), .row_last(row_last), .ctl(ctl), .drain(drain)
  );
{% for t in tiles %}
  // {{ path }}/tile[{{ t.n_tile }},{{ t.k_tile }}]: outputs from {{ t.first_output }} in steps of {{ v }}, inputs {{ t.first_input }} to {{ t.first_input + t.rows - 1 }}
  wire [{{ e * tot }}-1:0] t{{ t.k_tile }}_{{ t.n_tile }};
  hw_mvm_tile #(
    .ROWS({{ t.rows }}), .COLS({{ t.cols }}), .E({{ e }}), .STEPS({{ t.steps }}), .BLOCK({{ t.block }}),
    .CODE_BITS({{ code_bits }}), .FOLD({{ fold }}), .VALUES({{ values }}), .VALUE_BITS({{ value_bits }}), .FACTORS({{ factors|expression }}),
    .LIFT({{ lift }}), .HALVE({{ halve }}), .DIGIT({{ digit }}), .FIRST({{ first_value }}),
    .A({{ a }}), .ACC({{ acc }}), .INNER({{ inner }}), .SCALE_BITS({{ scale_bits }}), .OFFSET_BITS({{ offset_bits }}), .AB({{ ab }}), .TOT({{ tot }}),
    .RW({{ rw }}), .SW({{ sw }}), .CW({{ cw }}), .KW({{ kw }}), .SCALE_WORDS({{ groups * steps }}),
{%- if lw > 0 %}
    .LAYERS({{ layers }}), .LW({{ lw }}),
{%- endif %}
    .CODES("{{ t.codes }}"), .SCALES("{{ t.scales }}")
  ) tile{{ t.k_tile }}_{{ t.n_tile }} (
    .clk(clk), .rst(rst), {% if lw > 0 %}.layer(layer), {% endif %}.ctl(ctl), .a(a[{{ t.k_tile * a }} +: {{ a }}]), .asum(asum[{{ t.k_tile * ab }} +: {{ ab }}]), .total(t{{ t.k_tile }}_{{ t.n_tile }})
  );
{% endfor %}
  wire [{{ bands * v * tot }}-1:0] totals;
{%- for l in lanes %}
  assign totals[{{ l.at }} +: {{ e * tot }}] = {{ l.value|expression }};
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
