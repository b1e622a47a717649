// {{ name }}: y = x M for a constant matrix of {{ inputs }} inputs and {{ outputs }} outputs, {{ adders }} adders, at most {{ depth }} one after another.
// A vector in every cycle; the product of the one on x in cycle c is on y from the edge that ends cycle c + {{ latency }} - 1.
// Inputs lie between {{ low|expression }} and {{ high|expression }}.
module {{ name }} (
  input clk,                     // clock: registers change at its rising edge
  input [{{ inputs }}*{{ input_bits }}-1:0] x, // {{ input_bits }} bits an input, input 0 lowest
  output reg [{{ outputs }}*{{ output_bits }}-1:0] y // {{ output_bits }} bits an output, signed, output 0 lowest
);
{%- for w in wires %}
  wire signed [{{ w.bits }}-1:0] {{ w.name }} = {{ w.sum|expression }};
{%- endfor %}
{%- for r in registers %}
  reg signed [{{ r.bits }}-1:0] {{ r.name }};
{%- endfor %}
  always @(posedge clk) begin
{%- for r in registers %}
    {{ r.name }} <= {{ r.from }};
{%- endfor %}
{%- for r in results %}
    y[{{ loop.index0 }}*{{ output_bits }} +: {{ output_bits }}] <= {{ r|expression }};
{%- endfor %}
  end
endmodule
