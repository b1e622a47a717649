// A matrix in a shuttle's tile. A byte on ui_in is taken when uio[0] rises; while uio[1] is high a byte of the answer is on uo_out, and the next one comes
// when uio[2] rises. uio[3]: an output was clamped since reset. The strobes may change at any time; ui_in stands for four cycles after a rise.
module tt_um_hardwire_matrix (
  input wire [7:0] ui_in,
  output wire [7:0] uo_out,
  input wire [7:0] uio_in,
  output wire [7:0] uio_out,
  output wire [7:0] uio_oe,
  input wire ena,
  input wire clk,
  input wire rst_n
);
  reg [2:0] give_q, take_q;      // the strobes, the oldest uppermost
  reg rst_q;
  wire valid, overflow;
  assign uio_oe = 8'b00001010;
  assign uio_out = {4'd0, overflow, 1'b0, valid, 1'b0};
  always @(posedge clk) begin
    rst_q <= !rst_n;
    give_q <= {give_q[1:0], uio_in[0]};
    take_q <= {take_q[1:0], uio_in[2]};
    if (rst_q) begin
      give_q <= 0; take_q <= 0;
    end
  end
  hardwire_matrix matrix (
    .clk(clk), .rst(rst_q), .byte_in_valid(give_q[1] && !give_q[2]), .byte_in(ui_in), .byte_out_valid(valid),
    .byte_out_ready(take_q[1] && !take_q[2]), .byte_out(uo_out), .overflow(overflow)
  );
  wire unused = &{ena, uio_in[7:3], uio_in[1], 1'b0};
endmodule
