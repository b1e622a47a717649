// Serial line out: a start bit, eight bits of a byte, the lowest first, a stop bit.
module hw_uart_tx #(
  parameter DIVISOR = 217        // clock cycles of a bit
) (
  input clk,                     // clock: registers change at its rising edge
  input rst,                     // reset: synchronous, active high
  input valid,                   // a byte is on `data`
  output ready,                  // it is taken in this cycle
  input [7:0] data,              // the byte
  output line                    // the line, high while nothing goes
);
  localparam DW = $clog2(DIVISOR + 1);
  reg [DW-1:0] wait_q;           // cycles until the next bit
  reg [3:0] bits_q;              // bits that are still to go, the one on the line among them
  reg [8:0] data_q;              // the one on the line lowest
  assign ready = bits_q == 0;
  assign line = data_q[0];

  always @(posedge clk) begin
    if (bits_q == 0) begin
      wait_q <= DIVISOR - 1;
      if (valid) begin
        bits_q <= 10;
        data_q <= {data, 1'b0};
      end
    end else if (wait_q == 0) begin
      wait_q <= DIVISOR - 1;
      bits_q <= bits_q - 1;
      data_q <= {1'b1, data_q[8:1]};
    end else wait_q <= wait_q - 1;
    if (rst) begin
      bits_q <= 0; data_q <= 9'h1ff;
    end
  end
endmodule
