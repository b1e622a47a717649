// One matrix behind bytes: {{ path|comment }}, {{ outputs }} outputs x {{ inputs }} inputs.
module hardwire_matrix (
  input clk,
  input rst,
  input byte_in_valid,
  input [7:0] byte_in,
  output byte_out_valid,
  input byte_out_ready,
  output [7:0] byte_out,
  output overflow
);
  wire row_valid, row_end, row_last, out_valid, ovf;
  wire [{{ rw }}-1:0] row;
  wire [{{ a }}-1:0] a;
  wire [{{ ab }}-1:0] asum;
  wire [{{ v * ob }}-1:0] out_data;
  reg overflow_q;
  assign overflow = overflow_q;
  always @(posedge clk) begin
    if (ovf) overflow_q <= 1;
    if (rst) overflow_q <= 0;
  end
  hw_matrix_host #(
    .ROWS({{ inputs }}), .GROUP({{ group }}), .A({{ a }}), .IN_BYTES({{ in_bytes }}), .AB({{ ab }}), .RW({{ rw }}), .V({{ v }}), .BEATS({{ beats }}), .OB({{ ob }}), .OUT_BYTES({{ out_bytes }})
  ) host (
    .clk(clk), .rst(rst), .byte_in_valid(byte_in_valid), .byte_in(byte_in), .byte_out_valid(byte_out_valid), .byte_out_ready(byte_out_ready),
    .byte_out(byte_out), .row_valid(row_valid), .row(row), .row_end(row_end), .row_last(row_last), .a(a), .asum(asum), .out_valid(out_valid),
    .out_data(out_data)
  );
  mvm_{{ ident }} matrix (
    .clk(clk), .rst(rst), .row_valid(row_valid), .row(row), .row_end(row_end), .row_last(row_last), .a(a), .h(5'd{{ h }}), .asum(asum),
    .out_valid(out_valid), .out_data(out_data), .ovf(ovf)
  );
endmodule
