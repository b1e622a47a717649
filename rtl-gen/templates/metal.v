// {{ path }}: {{ outputs }} outputs x {{ inputs }} inputs, checkpoint tensor {{ tensor|comment }}, as metal embedding: output n, input k is the wire from
// plane[k] into the tree of n, by its code in {{ wires }}.
module mvm_{{ ident }} (
  input clk,
  input rst,
  input plane_valid,
  input plane_first,
  input plane_last,
  input [{{ inputs }}-1:0] plane,
  input [4:0] h,
  output out_valid,
  output [{{ v * out.bits }}-1:0] out_data,
  output ovf
);
  wire drain;
  wire [{{ groups * v * tot }}-1:0] totals;
  hw_metal #(
    .INPUTS({{ inputs }}), .OUTPUTS({{ outputs }}), .V({{ v }}), .BEATS({{ beats }}), .GROUP({{ group }}), .GROUPS({{ groups }}),
    .LEAF({{ leaf }}), .RADIX({{ radix }}), .LEAVES({{ leaves }}), .LEVELS({{ levels }}),
    .CODE_BITS({{ code_bits }}), .VALUE_BITS({{ value_bits }}), .PLUS({{ plus|expression }}), .MINUS({{ minus|expression }}),
    .ACC({{ acc }}), .SCALE_BITS({{ scale_bits }}), .TOT({{ tot }}), .WIRES("{{ wires }}"), .SCALES("{{ scales }}")
  ) array (
    .clk(clk), .rst(rst), .plane_valid(plane_valid), .plane_first(plane_first), .plane_last(plane_last), .plane(plane),
    .drain(drain), .totals(totals)
  );
  hw_mvm_out #(
    .V({{ v }}), .BEATS({{ beats }}), .BANDS({{ groups }}), .TOT({{ tot }}), .OB({{ out.bits }}), .SHIFT_BITS({{ out.shift_bits }}), .BIAS({{ out.bias }}),
    .SHIFTS("{{ out.shifts }}"), .BIASES("{{ out.biases }}")
  ) out (
    .clk(clk), .rst(rst), .drain(drain), .totals(totals), .h(h), .out_valid(out_valid), .out_data(out_data), .ovf(ovf)
  );
endmodule
